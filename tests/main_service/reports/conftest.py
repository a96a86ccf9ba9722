"""A database of its own for the tests of what reports send, because they count emails; a mail server."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.support.database import connected, new_database
from tests.support.engines import Environment
from tests.support.mail import MailWorker
from tests.support.smtp_server import Inbox, SmtpServer
from tests.support.web import WebServer


@pytest.fixture(scope="session")
def report_environment(environment: Environment) -> Environment:
    return new_database(environment, "reporting")


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
    async with connected(report_environment) as connection:
        await connection.execute("TRUNCATE mail, account, report, entry, visit_hour, visit_day_value CASCADE")
        yield connection


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
    """A worker that sends emails by the mail server."""
    log: Path = tmp_path_factory.mktemp("rounds") / "log"
    with MailWorker(report_environment | {"MAIN_SMTP_URL": smtp.url}, log) as process:
        yield process
