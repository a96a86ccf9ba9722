"""What is counted of a day: its hours, its different people, and its 100 values."""

from collections import Counter
from datetime import UTC, datetime

import asyncpg
import redis

from tests.support.engines import Environment
from tests.support.visits import GOOGLEBOT, add_batch, at_ms, ingest, insert_link, value_counts, visit_counts, visit_to


async def test_days_and_hours_are_those_of_utc(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    """Also where a month ends, and where clocks are put forward or back elsewhere."""
    key = await insert_link(database)
    instants = [
        datetime(2026, 10, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 0, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, 0, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, 0, tzinfo=UTC),
        datetime(2028, 2, 29, 23, 0, 0, tzinfo=UTC),
    ]
    add_batch(valkey, [visit_to(key, at_ms=at_ms(instant)) for instant in instants])

    await ingest(environment)

    hours = await database.fetch("SELECT hour_at, people FROM visit_hour WHERE key = $1", key)
    assert {(row["hour_at"], row["people"]) for row in hours} == {
        (instant.replace(minute=0, second=0, microsecond=0), 1) for instant in instants
    }
    days = await database.fetch("SELECT day, visits FROM visit_day_value WHERE key = $1 AND dimension = 'country'", key)
    assert {row["day"]: row["visits"] for row in days} == Counter(instant.date() for instant in instants)
    visited = await database.fetch("SELECT visited_at FROM visit WHERE key = $1", key)
    assert {row["visited_at"] for row in visited} == set(instants)
    last_visit_at = await database.fetchval("SELECT last_visit_at FROM entry WHERE key = $1", key)
    assert last_visit_at == max(instants)


async def test_different_people_of_a_day_are_estimated(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    noon = datetime.now(UTC).replace(hour=12, minute=0)
    people = [f"{number:016x}" for number in range(30)]
    add_batch(valkey, [visit_to(key, visitor=visitor, at_ms=at_ms(noon)) for visitor in people * 3])
    add_batch(valkey, [visit_to(key, user_agent=GOOGLEBOT, at_ms=at_ms(noon))])
    await ingest(environment)
    hours = "SELECT day_visitors FROM visit_hour WHERE key = $1 ORDER BY hour_at"
    assert 28 <= await database.fetchval(hours, key) <= 32
    assert 7 < valkey.ttl(f"visitors:{{0}}:{key}:{noon.date()}") / 86_400 <= 8

    more = [f"{number:016x}" for number in range(20, 50)]
    add_batch(valkey, [visit_to(key, visitor=visitor, at_ms=at_ms(noon) + 3_600_000) for visitor in more])
    add_batch(valkey, [visit_to(key, at_ms=at_ms(noon) + 86_400_000)])
    await ingest(environment)

    same_day, later, next_day = [row["day_visitors"] for row in await database.fetch(hours, key)]
    assert 28 <= same_day <= 32
    assert 47 <= later <= 53
    assert next_day == 1


async def test_figure_of_visitors_stays_when_redis_has_lost_them(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    at = at_ms(datetime.now(UTC).replace(minute=0))
    # Not drawn at random: the estimate may take two of them for one.
    add_batch(valkey, [visit_to(key, visitor=f"{number:016x}", at_ms=at) for number in range(5)])
    await ingest(environment)
    valkey.delete(*valkey.keys(f"visitors:{{0}}:{key}:*"))
    add_batch(valkey, [visit_to(key, at_ms=at)])

    await ingest(environment)

    assert await database.fetchval("SELECT day_visitors FROM visit_hour WHERE key = $1", key) == 5


async def test_of_200_referrers_of_a_day_the_100_with_most_visits_stay_and_the_rest_are_others(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key, quiet = await insert_link(database), await insert_link(database)
    visits = []
    for number in range(200):
        visits += [visit_to(key, referrer=f"https://site{number:03}.com/")] * (2 if number % 2 else 1)
    add_batch(valkey, [*visits, visit_to(quiet)])
    await ingest(environment)

    assert await visit_counts(database, key) == (300, 0)
    expected = {f"site{number:03}.com": 2 for number in range(1, 200, 2)} | {"other": 100}
    assert await value_counts(database, key, "referrer") == expected

    # What comes back often enough gets a place, and what loses it counts as one of the others.
    add_batch(valkey, [visit_to(key, referrer="https://site000.com/")] * 3)
    add_batch(valkey, [visit_to(key, referrer="https://site003.com/")])
    await ingest(environment)

    assert await visit_counts(database, key) == (304, 0)
    del expected["site199.com"]
    expected |= {"site000.com": 3, "site003.com": 3, "other": 102}
    assert await value_counts(database, key, "referrer") == expected
    assert await value_counts(database, quiet, "referrer") == {"example.net": 1}
