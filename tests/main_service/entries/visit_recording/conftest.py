"""A web process with the fast path and one without, on a stream of visits of their own."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import redis

from tests.support.engines import Environment
from tests.support.entries import create_link
from tests.support.visits import with_own_redis_database
from tests.support.web import WebServer


@pytest.fixture(scope="package", params=["true", "false"], ids=["fast", "plain"])
def web(request: pytest.FixtureRequest, environment: Environment) -> Iterator[WebServer]:
    """A web process with and one without the fast path, which trust what a proxy at 127.0.0.1 says of clients."""
    settings = {"MAIN_TRUSTED_PROXIES": "127.0.0.1", "MAIN_FAST_PATH": request.param}
    with WebServer(with_own_redis_database(environment) | settings) as server:
        yield server


@pytest.fixture
def valkey(environment: Environment) -> Iterator["redis.Redis[str]"]:
    with redis.Redis.from_url(
        with_own_redis_database(environment)["MAIN_REDIS_URL"], decode_responses=True
    ) as connection:
        yield connection


@pytest.fixture
def link(client: httpx.Client) -> dict[str, Any]:
    return create_link(client)
