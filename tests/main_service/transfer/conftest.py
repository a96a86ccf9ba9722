"""A database of its own for imports: their rounds run all that wait."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import httpx
import pytest

from tests.support.database import connected, new_database
from tests.support.engines import Environment
from tests.support.web import WebServer

MAX_IMPORT_BYTES = 4 * 1024 * 1024


@pytest.fixture(scope="session")
def import_environment(environment: Environment) -> Environment:
    return new_database(environment, "importing") | {"MAIN_MAX_IMPORT_BYTES": str(MAX_IMPORT_BYTES)}


@pytest.fixture(scope="session")
def import_web(import_environment: Environment) -> Iterator[WebServer]:
    with WebServer(import_environment) as server:
        yield server


@pytest.fixture
def import_client(import_web: WebServer) -> Iterator[httpx.Client]:
    with import_web.new_client() as visitor:
        yield visitor


@pytest.fixture
async def import_database(import_environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    async with connected(import_environment) as connection:
        yield connection
