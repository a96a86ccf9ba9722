"""Engines of their own for tests of the clean-up and of jobs: they count what they find."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import httpx
import pytest

from tests.support.engines import Environment, running_engines, temporary_folder
from tests.support.web import WebServer


@pytest.fixture(scope="session")
def archive_environment() -> Iterator[Environment]:
    with temporary_folder() as folder, running_engines(folder) as settings:
        yield settings


@pytest.fixture(scope="session")
def archive_web(archive_environment: Environment) -> Iterator[WebServer]:
    with WebServer(archive_environment) as server:
        yield server


@pytest.fixture
def archive_client(archive_web: WebServer) -> Iterator[httpx.Client]:
    with archive_web.new_client() as visitor:
        yield visitor


@pytest.fixture
async def archive(archive_environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    """Its database, empty but for what the test makes."""
    connection = await asyncpg.connect(archive_environment["MAIN_DATABASE_URL"].replace("+asyncpg", ""))
    await connection.execute(
        "TRUNCATE entry, body_to_delete, stale_key, account, collection, collection_entry, ended_session, admin_task"
        " CASCADE"
    )
    yield connection
    await connection.close()
