"""A writer of visits, and the Redis that it writes to."""

from collections.abc import AsyncIterator, Iterator

import pytest
import redis

from main_service.visit_stream.writer import VisitWriter
from tests.main_service.visit_stream.writing import (
    open_writer,
)
from tests.support.engines import Environment
from tests.support.gates import Gated, gated_engines
from tests.support.visits import with_own_redis_database


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    with gated_engines(with_own_redis_database(environment)) as gates:
        yield gates


@pytest.fixture
def valkey(environment: Environment) -> Iterator["redis.Redis[str]"]:
    """A connection past the gate."""
    with redis.Redis.from_url(
        with_own_redis_database(environment)["MAIN_REDIS_URL"], decode_responses=True
    ) as connection:
        connection.flushdb()
        yield connection


@pytest.fixture
async def writer(gated: Gated) -> AsyncIterator[VisitWriter]:
    async with open_writer(gated) as visits:
        yield visits
