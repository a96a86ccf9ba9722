"""Visits wait while PostgreSQL or Redis is away, and leave a Redis that is full."""

from datetime import UTC, datetime, timedelta
from typing import NoReturn

import asyncpg
import pytest
import redis
from redis.asyncio import Redis

from main_service.engines.redis import RedisUnavailableError
from main_service.errors import DatabaseUnavailableError
from main_service.resources import open_resources
from main_service.visit_stream.reader import FAILURES, VisitStream
from main_service.visits.countries import Countries
from main_service.visits.ingest import TRIES, Ingest
from main_service.visits.unique_visitors import UniqueVisitors
from tests.support.engines import Environment
from tests.support.gates import Gated
from tests.support.settings import settings_of
from tests.support.visits import (
    DEAD_LETTERS,
    STREAM,
    add_batch,
    at_ms,
    ingest,
    insert_link,
    remaining_records,
    visit_counts,
    visit_to,
)


async def test_visits_wait_while_postgres_is_away(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, gated: Gated
) -> None:
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])
    with gated.postgres.refusing(), pytest.raises(DatabaseUnavailableError):
        await ingest(gated.environment)
    assert valkey.xlen(STREAM) == 1

    await ingest(gated.environment)

    assert await visit_counts(database, key) == (1, 0)


async def test_visits_wait_while_redis_is_away(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, gated: Gated
) -> None:
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])
    with gated.valkey.refusing(), pytest.raises(RedisUnavailableError):
        await ingest(gated.environment)

    await ingest(gated.environment)

    assert await visit_counts(database, key) == (1, 0)


async def test_redis_without_memory_gets_rid_of_its_visits(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    await ingest(environment)
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])
    valkey.xadd(STREAM, {"something": "else"})
    valkey.config_set("maxmemory", "1")
    try:
        await ingest(environment)
    finally:
        valkey.config_set("maxmemory", "0")

    assert await visit_counts(database, key) == (1, 0)
    assert remaining_records(valkey) == (0, 0)


async def test_redis_that_lost_everything_is_read_again_from_its_first_record(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    valkey.delete(STREAM)
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key, at_ms=at_ms(datetime.now(UTC) - timedelta(days=3)))])

    await ingest(environment)

    assert await visit_counts(database, key) == (1, 0)


class _BrokenVisitors(UniqueVisitors):
    async def add(self, *_: object) -> NoReturn:
        async def fail(_: Redis) -> None:
            raise RuntimeError("unable to perform operation on a closed transport")

        await self._redis.call(fail)
        raise AssertionError


async def test_client_that_breaks_casts_no_doubt_on_batches(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    """More often than a batch that fails alone is tried, and with others that are stored."""

    await ingest(environment)
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])
    async with open_resources(settings_of(environment), for_task=True) as resources:
        for _ in range(TRIES + 1):
            with Countries(None) as countries:
                work = Ingest(
                    sessions=resources.sessions,
                    stream=VisitStream(resources.redis),
                    visitors=_BrokenVisitors(resources.redis),
                    countries=countries,
                )
                with pytest.raises(RedisUnavailableError):
                    await work.run(until=0)

    await ingest(environment)

    assert await visit_counts(database, key) == (1, 0)
    assert not valkey.exists(DEAD_LETTERS, FAILURES)
