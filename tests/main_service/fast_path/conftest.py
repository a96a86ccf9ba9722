"""A web process with the fast path and one without it, on a stream of visits of their own."""

from collections.abc import Iterator

import pytest
import redis

from tests.support.engines import Environment
from tests.support.visits import with_own_redis_database
from tests.support.web import WebServer


@pytest.fixture(scope="session")
def fast_path_environment(environment: Environment) -> Environment:
    return with_own_redis_database(environment) | {"MAIN_TRUSTED_PROXIES": "127.0.0.1,10.0.0.0/8,2001:db8:ffff::/48"}


@pytest.fixture(scope="session")
def web(fast_path_environment: Environment) -> Iterator[WebServer]:
    with WebServer(fast_path_environment) as server:
        yield server


@pytest.fixture(scope="session")
def plain_web(fast_path_environment: Environment) -> Iterator[WebServer]:
    with WebServer(fast_path_environment | {"MAIN_FAST_PATH": "false"}) as server:
        yield server


@pytest.fixture
def valkey(fast_path_environment: Environment) -> Iterator["redis.Redis[str]"]:
    with redis.Redis.from_url(fast_path_environment["MAIN_REDIS_URL"], decode_responses=True) as connection:
        yield connection
