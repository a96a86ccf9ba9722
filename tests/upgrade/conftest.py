"""The previous release and the code of today, each a web process on the same engines."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.support.engines import Environment
from tests.support.gates import Gated, gated_engines
from tests.support.web import WebServer
from tests.upgrade.release_before import ServerOfReleaseBefore, release_before

OWN_DATABASE = 12
"""A database of Valkey where no other tests read visits, the cache and filters."""


@pytest.fixture(scope="session")
def shared_environment(environment: Environment) -> Environment:
    url = environment["MAIN_REDIS_URL"].partition("?")[0]
    return environment | {"MAIN_REDIS_URL": f"{url}?db={OWN_DATABASE}"}


@pytest.fixture(scope="session")
def old_code() -> Iterator[Path]:
    with release_before() as folder:
        yield folder


@pytest.fixture(scope="session")
def gated_old(shared_environment: Environment) -> Iterator[Gated]:
    """The way of the previous release to its engines, on which it can be held up."""
    with gated_engines(shared_environment) as gates:
        yield gates


@pytest.fixture(scope="session")
def old(old_code: Path, gated_old: Gated) -> Iterator[WebServer]:
    with ServerOfReleaseBefore(old_code, gated_old.environment) as server:
        yield server


@pytest.fixture(scope="session")
def new(shared_environment: Environment) -> Iterator[WebServer]:
    with WebServer(shared_environment) as server:
        yield server


@pytest.fixture(params=["old to new", "new to old"])
def giver(request: pytest.FixtureRequest, old: WebServer, new: WebServer) -> WebServer:
    """The server that gives something out."""
    return old if request.param == "old to new" else new


@pytest.fixture
def taker(giver: WebServer, old: WebServer, new: WebServer) -> WebServer:
    """The server that is given it."""
    return new if giver is old else old


@pytest.fixture
def valkey(shared_environment: Environment) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(shared_environment["MAIN_REDIS_URL"], decode_responses=True) as connection:
        yield connection
