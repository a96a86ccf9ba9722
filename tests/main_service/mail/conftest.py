"""A database of its own for the tests of mail, because they count emails, and a mail server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.support.engines import Environment, run_main
from tests.support.mail import EnqueueEmail, MailWorker
from tests.support.smtp_server import Inbox, SmtpServer


@pytest.fixture(scope="session")
def mail_environment(environment: Environment) -> Environment:
    url = environment["MAIN_DATABASE_URL"]
    asyncio.run(_create_database(url.replace("+asyncpg", "")))
    settings = environment | {
        "MAIN_DATABASE_URL": url.replace("/slipbin?", "/mailing?"),
        "MAIN_PUBLIC_URL": "https://paste.example.org",
    }
    run_main("migrate", environment=settings)
    return settings


async def _create_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE DATABASE mailing")
    await connection.close()


@pytest.fixture(scope="module")
def smtp() -> Iterator[SmtpServer]:
    with SmtpServer() as server:
        yield server


@pytest.fixture
def inbox(smtp: SmtpServer) -> Inbox:
    """What the mail server took in this test."""
    smtp.inbox.clear()
    return smtp.inbox


@pytest.fixture
async def mail_database(mail_environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    """The database, without an email."""
    connection = await asyncpg.connect(mail_environment["MAIN_DATABASE_URL"].replace("+asyncpg", ""))
    await connection.execute("TRUNCATE mail")
    yield connection
    await connection.close()


@pytest.fixture
def enqueue_email(mail_environment: Environment, mail_database: asyncpg.Connection) -> EnqueueEmail:
    return EnqueueEmail(mail_environment["MAIN_DATABASE_URL"])


@pytest.fixture(scope="module")
def mail_worker(
    mail_environment: Environment, smtp: SmtpServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MailWorker]:
    """Sends by the mail server."""
    log: Path = tmp_path_factory.mktemp("rounds") / "log"
    with MailWorker(mail_environment | {"MAIN_SMTP_URL": smtp.url}, log) as process:
        yield process
