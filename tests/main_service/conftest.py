"""Stores of their own for tests of the clean-up and of jobs: they count what they find."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from tests.support.database import connected, new_stores
from tests.support.engines import Environment
from tests.support.web import WebServer


@pytest.fixture(scope="session")
def archive_environment(shared_engines: Environment) -> Environment:
    return new_stores(shared_engines, "archive", valkey=2, broker=3)


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
    """The database of `archive_environment`. It and the folder of texts are empty before the test."""
    for text in Path(archive_environment["MAIN_BODY_STORE_URL"].removeprefix("file://")).rglob("*"):
        if text.is_file():
            text.unlink()
    async with connected(archive_environment) as connection:
        await connection.execute(
            "TRUNCATE entry, body_to_delete, stale_key, account, collection, collection_entry, ended_session,"
            " admin_task CASCADE"
        )
        yield connection
