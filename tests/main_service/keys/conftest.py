"""Engines, processes and a filter for the tests of the membership filter."""

from collections.abc import Iterator

import pytest
import redis

from tests.support.engines import Environment, running_engines, temporary_folder
from tests.support.key_filter import rebuild_filter, reset_filter, without_postgres
from tests.support.web import WebServer


@pytest.fixture(scope="package")
def environment() -> Iterator[Environment]:
    """Engines of its own: other tests put rows into PostgreSQL behind the back of any filter."""
    with temporary_folder() as folder, running_engines(folder) as settings:
        yield settings


@pytest.fixture(scope="package")
def web(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment) as server:
        yield server


@pytest.fixture(scope="package")
def reader(environment: Environment) -> Iterator[WebServer]:
    """Another process."""
    with WebServer(environment) as server:
        yield server


@pytest.fixture(scope="package")
def cut_off(environment: Environment) -> Iterator[WebServer]:
    """A process without PostgreSQL: where it is needed, it answers 503."""
    with WebServer(without_postgres(environment)) as server:
        yield server


@pytest.fixture
async def complete(environment: Environment, valkey: redis.Redis) -> None:
    """A new filter that is complete."""
    reset_filter(valkey)
    await rebuild_filter(environment)
