"""A database of its own for the tests of mail, because they count emails, and a mail server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.support.database import connected, new_database
from tests.support.engines import Environment
from tests.support.mail import EnqueueEmail, MailWorker
from tests.support.smtp_server import Inbox, SmtpServer


@pytest.fixture(scope="session")
def mail_environment(environment: Environment) -> Environment:
    return new_database(environment, "mailing") | {"MAIN_PUBLIC_URL": "https://paste.example.org"}


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
    async with connected(mail_environment) as connection:
        await connection.execute("TRUNCATE mail")
        yield connection


@pytest.fixture
def enqueue_email(mail_environment: Environment, mail_database: asyncpg.Connection) -> EnqueueEmail:
    return EnqueueEmail(mail_environment["MAIN_DATABASE_URL"])


@pytest.fixture(scope="module")
def mail_worker(
    mail_environment: Environment, smtp: SmtpServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MailWorker]:
    """A worker that sends emails by the mail server."""
    log: Path = tmp_path_factory.mktemp("rounds") / "log"
    with MailWorker(mail_environment | {"MAIN_SMTP_URL": smtp.url}, log) as process:
        yield process
