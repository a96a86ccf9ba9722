"""Statistics of any range are those of its days, whichever months have rollups, and whatever is counted meanwhile."""

import asyncio
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import combinations_with_replacement
from typing import Any

import asyncpg
import httpx
import pytest
import redis

from main_service.visits.monthly_rollup import roll_up_months
from tests.support.database import wait_for_blocked_statements
from tests.support.engines import Environment
from tests.support.gates import Gated
from tests.support.settings import task_resources
from tests.support.statistics import get_statistics
from tests.support.visits import ANDROID_CHROME, GOOGLEBOT, add_batch, at_ms, ingest, insert_link, visit_to
from tests.support.workers import run_task

NOW = datetime(2026, 6, 15, tzinfo=UTC)
EDGES = [date.fromisoformat(day) for day in (
    "2025-12-30", "2025-12-31", "2026-01-01", "2026-01-31", "2026-02-01", "2026-02-02", "2026-02-28", "2026-03-01",
    "2026-04-30", "2026-05-01", "2026-05-31", "2026-06-01",
)]  # fmt: skip
NAMES = {
    "countries": "country", "devices": "device", "browsers": "browser", "systems": "os", "languages": "language",
    "referrers": "referrer",
}  # fmt: skip


@pytest.fixture
async def key(database: asyncpg.Connection) -> str:
    return await insert_link(database, has_public_statistics=True)


async def roll_up(environment: Environment, now: datetime = NOW) -> int:
    async with task_resources(environment) as resources:
        return await roll_up_months(resources.sessions, now)


async def summed(database: asyncpg.Connection, key: str) -> list[str]:
    """The months of the entry that have a rollup."""
    query = "SELECT month FROM visit_month WHERE key = $1 AND people IS NOT NULL ORDER BY month"
    return [f"{row['month']:%Y-%m}" for row in await database.fetch(query, key)]


async def of_days(database: asyncpg.Connection, key: str, first: date, last: date) -> dict[str, Any]:
    """The figures of an answer, summed up from hours and days alone."""
    hours = await database.fetch(
        """
        SELECT sum(people) AS people, sum(bots) AS bots, max(day_visitors) AS visitors FROM visit_hour
        WHERE key = $1 AND (hour_at AT TIME ZONE 'UTC')::date BETWEEN $2 AND $3
        GROUP BY (hour_at AT TIME ZONE 'UTC')::date
        """,
        key, first, last,
    )  # fmt: skip
    rows = await database.fetch(
        "SELECT dimension, value, visits FROM visit_day_value WHERE key = $1 AND day BETWEEN $2 AND $3",
        key,
        first,
        last,
    )
    totals: dict[str, Counter[str]] = {dimension: Counter() for dimension in NAMES.values()}
    for row in rows:
        totals[row["dimension"]][row["value"]] += row["visits"]
    return {
        "visit_count": sum(row["people"] for row in hours),
        "bot_count": sum(row["bots"] for row in hours),
        "unique_visitors": sum(row["visitors"] for row in hours),
        **{name: totals[dimension] for name, dimension in NAMES.items()},
    }


def shown(client: httpx.Client, key: str, first: date, last: date) -> dict[str, Any]:
    found = get_statistics(client, key, **{"from": first, "to": last})
    return {
        **{name: found[name] for name in ("visit_count", "bot_count", "unique_visitors")},
        **{name: Counter({each["value"]: each["visits"] for each in found[name]}) for name in NAMES},
    }


def random_visits(drawn: random.Random, key: str, count: int) -> list[list[Any]]:
    """Random visits, many of them in the first and last moments of days on which months begin or end."""

    def instant() -> datetime:
        if drawn.random() < 0.5:
            moment = timedelta(milliseconds=drawn.choice((0, 86_399_999)))
            return datetime.combine(drawn.choice(EDGES), datetime.min.time(), UTC) + moment
        return datetime(2025, 12, 30, tzinfo=UTC) + timedelta(seconds=drawn.randrange(160 * 86_400))

    return [
        visit_to(
            key,
            at_ms=at_ms(instant()),
            visitor=f"{drawn.randrange(50):016x}",
            user_agent=drawn.choice((ANDROID_CHROME, ANDROID_CHROME, GOOGLEBOT)),
            referrer=drawn.choice(("", "https://a.example.org/", "https://b.example.com/")),
            language=drawn.choice(("de", "en", "")),
        )
        for _ in range(count)
    ]


async def test_every_range_is_the_sum_of_its_days_before_and_after_the_rollup(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, key: str
) -> None:
    drawn = random.Random(random.random())
    ranges = list(combinations_with_replacement(EDGES, 2))
    for _ in range(15):
        first = EDGES[0] + timedelta(days=drawn.randrange(165))
        ranges.append((first, first + timedelta(days=drawn.randrange(100))))

    async def check() -> None:
        for first, last in ranges:
            assert shown(client, key, first, last) == await of_days(database, key, first, last), (first, last)

    add_batch(valkey, random_visits(drawn, key, 600))
    await ingest(environment)
    await roll_up(environment)
    assert await summed(database, key) == ["2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05"]
    await check()

    # What comes late takes the sums of its month away, and of no other.
    late = random_visits(drawn, key, 3)
    add_batch(valkey, late)
    await ingest(environment)
    months = {f"{datetime.fromtimestamp(visit[0] / 1000, UTC):%Y-%m}" for visit in late}
    assert not months & set(await summed(database, key))
    assert len(await summed(database, key)) == 6 - len(months - {"2026-06"})
    await check()

    await roll_up(environment)
    assert len(await summed(database, key)) == 6
    await check()


async def test_whole_months_are_read_from_their_sums_and_others_from_their_days(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, key: str
) -> None:
    add_batch(valkey, [visit_to(key, at_ms=at_ms(datetime(2026, 2, day, tzinfo=UTC))) for day in (1, 28)])
    await ingest(environment)
    await roll_up(environment)
    await database.execute("DELETE FROM visit_day_value WHERE key = $1", key)
    await database.execute("DELETE FROM visit_hour WHERE key = $1", key)

    def figures(first: str, last: str) -> tuple[int, int]:
        found = shown(client, key, date.fromisoformat(first), date.fromisoformat(last))
        return found["visit_count"], found["languages"].total()

    assert figures("2026-02-01", "2026-02-28") == figures("2026-01-31", "2026-03-01") == (2, 2)
    assert figures("2026-02-02", "2026-02-28") == figures("2026-02-01", "2026-02-27") == (0, 0)


async def test_month_is_rolled_up_when_it_has_been_over_for_a_day(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, key: str
) -> None:
    add_batch(valkey, [visit_to(key, at_ms=at_ms(datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)))])
    await ingest(environment)

    await roll_up(environment, datetime(2026, 2, 1, 23, 59, tzinfo=UTC))
    assert await summed(database, key) == []
    await roll_up(environment, datetime(2026, 2, 2, tzinfo=UTC))
    assert await summed(database, key) == ["2026-01"]
    assert await roll_up(environment, datetime(2026, 2, 2, tzinfo=UTC)) == 0


async def test_more_values_than_a_list_holds_are_listed_alike_from_days_and_from_months(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, key: str
) -> None:
    for day in (1, 2):
        instant = at_ms(datetime(2026, 3, day, tzinfo=UTC))
        sites = [f"https://site{day}{number:03}.com/" for number in range(150)]
        add_batch(valkey, [visit_to(key, at_ms=instant, referrer=site) for site in sites + sites[:120]])
    await ingest(environment)

    before = get_statistics(client, key)["referrers"]
    await roll_up(environment)

    assert await summed(database, key) == ["2026-03"]
    assert get_statistics(client, key)["referrers"] == before
    assert [each["visits"] for each in before] == [2] * 100 + [340]
    assert before[-1]["value"] == "other"


async def test_ingest_that_has_not_ended_yet_keeps_its_month_without_sums(
    client: httpx.Client, gated: Gated, environment: Environment, database: asyncpg.Connection, valkey: redis.Redis,
    key: str,
) -> None:  # fmt: skip
    late = [visit_to(key, at_ms=at_ms(datetime(2026, 4, 10, tzinfo=UTC)))]
    add_batch(valkey, late)
    await ingest(environment)
    add_batch(valkey, late)

    with gated.postgres.stop_at(b"UPDATE entry", hold="answer") as stop:
        ingesting = asyncio.create_task(ingest(gated.environment))
        await asyncio.to_thread(stop.wait)
        await roll_up(environment)
        assert await summed(database, key) == []
        stop.release()
        assert await ingesting == 1

    await roll_up(environment)
    assert await summed(database, key) == ["2026-04"]
    assert shown(client, key, date(2026, 4, 1), date(2026, 4, 30))["visit_count"] == 2


async def test_visit_that_comes_while_its_month_is_rolled_up_is_not_lost(
    client: httpx.Client, gated: Gated, environment: Environment, database: asyncpg.Connection, valkey: redis.Redis,
    key: str,
) -> None:  # fmt: skip
    late = [visit_to(key, at_ms=at_ms(datetime(2026, 4, 10, tzinfo=UTC)))]
    add_batch(valkey, late)
    await ingest(environment)
    add_batch(valkey, late)

    with gated.postgres.stop_at(b"UPDATE visit_month", hold="answer") as stop:
        summing = asyncio.create_task(roll_up(gated.environment))
        await asyncio.to_thread(stop.wait)
        ingesting = asyncio.create_task(ingest(environment))
        await wait_for_blocked_statements(database, like="%visit_month%")
        stop.release()
        await summing
        assert await ingesting == 1

    assert await summed(database, key) == []
    april = (date(2026, 4, 1), date(2026, 4, 30))
    assert shown(client, key, *april)["visit_count"] == 2
    run_task("sum_up_visit_months", environment=environment)
    assert await summed(database, key) == ["2026-04"]
    assert shown(client, key, *april) == await of_days(database, key, *april)
