"""Months of visits are made ahead and dropped when they are old; what was counted of them stays."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import redis

from main_service.visits.factory import VisitFactory
from main_service.visits.tasks import purge_visit_batches
from main_service.visits.upkeep import PartitionChanges
from tests.support.database import connected, new_stores
from tests.support.engines import Environment
from tests.support.settings import task_resources
from tests.support.visits import RecordedVisit, add_batch, at_ms, ingest, insert_link, visit_counts, visit_to


@pytest.fixture(scope="module")
def environment(shared_engines: Environment) -> Environment:
    """Stores of its own: these tests drop visits of other tests, too."""
    return new_stores(shared_engines, "partitions", valkey=7, broker=3)


@pytest.fixture
async def database(environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    """A database without visits and partitions of months."""
    async with connected(environment) as connection:
        for name in await months(connection):
            await connection.execute(f"DROP TABLE {name}")
        await connection.execute("TRUNCATE visit, visit_batch, visit_hour, visit_day_value, entry CASCADE")
        yield connection


async def months(database: asyncpg.Connection) -> list[str]:
    rows = await database.fetch(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'visit'::regclass"
    )
    return sorted(row["relname"] for row in rows if row["relname"] != "visit_default")


async def places(database: asyncpg.Connection) -> dict[str, int]:
    """How many visits are in which partition."""
    rows = await database.fetch("SELECT tableoid::regclass::text AS name, count(*) FROM visit GROUP BY name")
    return {row["name"]: row["count"] for row in rows}


async def maintain_partitions(environment: Environment, now: datetime) -> PartitionChanges:
    async with task_resources(environment) as resources:
        return await VisitFactory(resources).partitions.maintain(now)


async def purge_batches(environment: Environment) -> int:
    async with task_resources(environment) as resources:
        return await purge_visit_batches(resources)


def visit_at(key: str, *when: int) -> RecordedVisit:
    return visit_to(key, at_ms=at_ms(datetime(*when, tzinfo=UTC)))


async def test_this_month_and_the_next_two_are_made_once(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    now = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)

    first, second = [await maintain_partitions(environment, now) for _ in range(2)]

    assert (first.made, first.dropped) == (["visit_2026_11", "visit_2026_12", "visit_2027_01"], [])
    assert (second.made, second.dropped, second.deleted) == ([], [], 0)
    key = await insert_link(database)
    add_batch(
        valkey,
        [
            visit_at(key, 2026, 10, 31, 23, 59, 59),
            visit_at(key, 2026, 11, 1),
            visit_at(key, 2026, 11, 30, 23, 59, 59),
            visit_at(key, 2026, 12, 1),
            visit_at(key, 2027, 1, 31, 23, 59, 59),
            visit_at(key, 2027, 2, 1),
        ],
    )
    await ingest(environment)
    assert await places(database) == {"visit_default": 2, "visit_2026_11": 2, "visit_2026_12": 1, "visit_2027_01": 1}
    indexes = await database.fetch("SELECT indexdef FROM pg_indexes WHERE tablename = 'visit_2026_11'")
    assert sorted(row["indexdef"].split(" USING ")[1] for row in indexes) == [
        "brin (visited_at)", "btree (key, visited_at)"
    ]  # fmt: skip


async def test_month_takes_in_what_came_before_it_was_made(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    add_batch(valkey, [visit_at(key, 2026, 11, 1), visit_at(key, 2026, 11, 21), visit_at(key, 2027, 5, 1)])
    await ingest(environment)
    assert await places(database) == {"visit_default": 3}

    await maintain_partitions(environment, datetime(2026, 11, 21, tzinfo=UTC))

    assert await places(database) == {"visit_2026_11": 2, "visit_default": 1}
    assert await visit_counts(database, key) == (3, 0)


async def test_months_whose_last_visit_is_too_old_are_dropped_and_their_counts_stay(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    settings = environment | {"MAIN_VISIT_RETENTION": "P30D"}
    await maintain_partitions(settings, datetime(2026, 8, 1, tzinfo=UTC))
    key = await insert_link(database)
    add_batch(valkey, [visit_at(key, 2026, month, 15) for month in (1, 8, 9, 10)] + [visit_at(key, 2026, 8, 31, 23)])
    await ingest(environment)
    before = await database.fetch("SELECT * FROM visit_hour ORDER BY hour_at")

    early = await maintain_partitions(settings, datetime(2026, 9, 30, 23, 59, tzinfo=UTC))
    assert (early.dropped, early.deleted) == ([], 1)
    assert await places(database) == {"visit_2026_08": 2, "visit_2026_09": 1, "visit_2026_10": 1}

    late = await maintain_partitions(settings, datetime(2026, 10, 1, tzinfo=UTC))
    assert late.dropped == ["visit_2026_08"]
    assert await places(database) == {"visit_2026_09": 1, "visit_2026_10": 1}
    assert await months(database) == ["visit_2026_09", "visit_2026_10", "visit_2026_11", "visit_2026_12"]
    assert await database.fetch("SELECT * FROM visit_hour ORDER BY hour_at") == before
    assert await database.fetchval("SELECT visit_count FROM entry WHERE key = $1", key) == 5
    assert await database.fetchval("SELECT count(*) FROM visit_day_value WHERE dimension = 'os'") == 5


async def test_default_partition_is_emptied_of_more_than_a_batch(
    environment: Environment, database: asyncpg.Connection
) -> None:
    await database.execute(
        "INSERT INTO visit (visited_at, key, is_bot)"
        " SELECT '2020-01-01'::timestamptz + number * interval '1 s', 'k', false FROM generate_series(1, 10001) number"
    )
    await database.execute("INSERT INTO visit (visited_at, key, is_bot) VALUES ('2040-01-01', 'k', false)")

    kept = await maintain_partitions(environment, datetime(2026, 11, 21, tzinfo=UTC))

    assert kept.deleted == 10_001
    assert await places(database) == {"visit_default": 1}


async def test_batches_are_purged_a_week_before_the_oldest_record_that_waits(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    """A record that waits may be a batch that came long ago."""
    valkey.delete("visits:{0}")
    await database.execute(
        "INSERT INTO visit_batch (id, ingested_at)"
        " SELECT gen_random_uuid(), now() - days * interval '1 day' FROM unnest('{1, 6, 8, 9, 11}'::int[]) AS days"
    )
    waiting_ms = at_ms(datetime.now(UTC) - timedelta(days=3))
    valkey.xadd("visits:{0}", {"something": "else"}, id=f"{waiting_ms}-0")
    assert await purge_batches(environment) == 1

    valkey.delete("visits:{0}")

    assert await purge_batches(environment) == 2
    assert await database.fetchval("SELECT count(*) FROM visit_batch") == 2
