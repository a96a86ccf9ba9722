"""Stores, processes and a filter for the tests of the membership filter."""

from collections.abc import Iterator

import pytest
import redis

from tests.support.database import new_stores
from tests.support.engines import Environment
from tests.support.key_filter import rebuild_filter, reset_filter, without_postgres
from tests.support.web import WebServer


@pytest.fixture(scope="session")
def environment(shared_engines: Environment) -> Environment:
    """Stores of its own: other tests put rows into PostgreSQL behind the back of any filter."""
    return new_stores(shared_engines, "keys", valkey=4, broker=3)


@pytest.fixture(scope="session")
def web(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment) as server:
        yield server


@pytest.fixture(scope="session")
def reader(environment: Environment) -> Iterator[WebServer]:
    """Another web process than the one that creates."""
    with WebServer(environment) as server:
        yield server


@pytest.fixture(scope="session")
def cut_off(environment: Environment) -> Iterator[WebServer]:
    """A process without PostgreSQL: where it is needed, it answers 503."""
    with WebServer(without_postgres(environment)) as server:
        yield server


@pytest.fixture
async def complete(environment: Environment, valkey: redis.Redis) -> None:
    """A new filter that is complete."""
    reset_filter(valkey)
    await rebuild_filter(environment)
