"""A database of its own for the tests of what reports send, because they count emails; a mail server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.support.engines import Environment, run_main
from tests.support.mail import MailWorker
from tests.support.smtp_server import Inbox, SmtpServer
from tests.support.web import WebServer


@pytest.fixture(scope="session")
def report_environment(environment: Environment) -> Environment:
    url = environment["MAIN_DATABASE_URL"]
    asyncio.run(_create_database(url.replace("+asyncpg", "")))
    settings = environment | {"MAIN_DATABASE_URL": url.replace("/slipbin?", "/reporting?")}
    run_main("migrate", environment=settings)
    return settings


async def _create_database(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE DATABASE reporting")
    await connection.close()


@pytest.fixture(scope="session")
def report_web(report_environment: Environment) -> Iterator[WebServer]:
    with WebServer(report_environment) as server:
        yield server


@pytest.fixture
def report_client(report_web: WebServer) -> Iterator[httpx.Client]:
    with report_web.new_client() as visitor:
        yield visitor


@pytest.fixture
async def report_database(report_environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    """The database, without accounts, reports or emails."""
    connection = await asyncpg.connect(report_environment["MAIN_DATABASE_URL"].replace("+asyncpg", ""))
    await connection.execute("TRUNCATE mail, account, report, entry, visit_hour, visit_day_value CASCADE")
    yield connection
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


@pytest.fixture(scope="module")
def report_mail_worker(
    report_environment: Environment, smtp: SmtpServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MailWorker]:
    """Sends by the mail server."""
    log: Path = tmp_path_factory.mktemp("rounds") / "log"
    with MailWorker(report_environment | {"MAIN_SMTP_URL": smtp.url}, log) as process:
        yield process
