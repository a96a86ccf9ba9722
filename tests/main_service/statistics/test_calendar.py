"""The edges of days, months and years, and clocks that are changed: every visit is in one bucket of a history."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import redis

from tests.support.engines import Environment
from tests.support.entries import create_link, manage_headers
from tests.support.statistics import get_history, get_statistics, utc
from tests.support.visits import add_batch, at_ms, ingest, visit_to

Link = dict[str, Any]


@pytest.fixture
def link(client: httpx.Client) -> Link:
    return create_link(client)


def shown(client: httpx.Client, link: Link, **query: str) -> dict[str, int]:
    """Visits of each bucket by its start; buckets without any are left out."""
    found = get_history(client, link["key"], manage_headers(link), **query)
    return {step["start"]: step["visit_count"] for step in found["items"] if step["visit_count"]}


async def visit_every_hour(database: asyncpg.Connection, link: Link, first: datetime, last: datetime) -> int:
    """Count one visit in each hour; return how many hours there are."""
    statement = """
        INSERT INTO visit_hour (key, hour_at, people, day_visitors)
        SELECT $1, hour_at, 1, 1 FROM generate_series($2::timestamptz, $3::timestamptz, '1 hour') AS hour_at
    """
    done: str = await database.execute(statement, link["key"], first, last)
    return int(done.rpartition(" ")[2])


@pytest.mark.parametrize(
    ("last", "first"),
    [
        pytest.param("2023-05-10", "2023-05-11", id="day"),
        pytest.param("2023-04-30", "2023-05-01", id="month"),
        pytest.param("2024-02-29", "2024-03-01", id="leap year"),
        pytest.param("2023-12-31", "2024-01-01", id="year"),
    ],
)
async def test_visits_a_millisecond_apart_are_of_two_days(
    environment: Environment, client: httpx.Client, valkey: "redis.Redis[str]", link: Link, last: str, first: str
) -> None:
    """This holds from the stream to what is shown, in Greenwich and two hours to the east."""
    midnight = at_ms(datetime.fromisoformat(first).replace(tzinfo=UTC))
    before = [visit_to(link["key"], at_ms=midnight - 1, referrer="https://before.example/")] * 2
    after = [visit_to(link["key"], at_ms=midnight, referrer="https://after.example/")] * 3
    add_batch(valkey, [*before, *after])
    await ingest(environment)

    days = {"from": last, "to": first}
    assert shown(client, link, **days) == {f"{last}T00:00:00Z": 2, f"{first}T00:00:00Z": 3}
    assert shown(client, link, by="hour", **days) == {f"{last}T23:00:00Z": 2, f"{first}T00:00:00Z": 3}
    # There the day began two hours before all of them.
    assert list(shown(client, link, timezone="Africa/Johannesburg", **days).values()) == [5]
    for day, expected in ((last, ("before.example", 2)), (first, ("after.example", 3))):
        found = get_statistics(client, link["key"], manage_headers(link), **{"from": day, "to": day})
        assert [(each["value"], each["visits"]) for each in found["referrers"]] == [expected]
        assert found["visit_count"] == expected[1]
        assert found["unique_visitors"] == 1
    months = {day[:7]: 0 for day in (last, first)}
    months[last[:7]] += 2
    months[first[:7]] += 3
    by_month = shown(client, link, by="month", **{"from": f"{last[:7]}-01", "to": first})
    assert by_month == {f"{month}-01T00:00:00Z": visits for month, visits in months.items()}


@pytest.mark.parametrize(
    ("timezone", "first", "last", "hours"),
    [
        pytest.param("Europe/Berlin", "2023-03-25", "2023-03-27", [24, 23, 24], id="forward"),
        pytest.param("Europe/Berlin", "2022-10-29", "2022-10-31", [24, 25, 24], id="back"),
        pytest.param("America/Sao_Paulo", "2018-11-03", "2018-11-05", [24, 23, 24], id="midnight is passed over"),
        pytest.param("America/Havana", "2022-11-05", "2022-11-07", [24, 25, 24], id="midnight comes twice"),
        pytest.param("Australia/Lord_Howe", "2023-09-30", "2023-10-02", [24, 23, 24], id="forward by half an hour"),
        pytest.param("Australia/Lord_Howe", "2023-04-01", "2023-04-03", [24, 25, 24], id="back by half an hour"),
        pytest.param("Pacific/Apia", "2011-12-29", "2011-12-31", [24, 24], id="a day is passed over"),
        pytest.param("Asia/Kathmandu", "2023-03-25", "2023-03-27", [24, 24, 24], id="no change, but odd minutes"),
    ],
)
async def test_every_hour_is_of_one_day_where_clocks_are_changed(
    client: httpx.Client,
    database: asyncpg.Connection,
    link: Link,
    timezone: str,
    first: str,
    last: str,
    hours: list[int],
) -> None:
    """Hours before and after belong to none of the days."""
    around = timedelta(days=2)
    await visit_every_hour(database, link, utc(first) - around, utc(last) + around)
    days = {"from": first, "to": last, "timezone": timezone}

    assert list(shown(client, link, **days).values()) == hours
    by_hour = shown(client, link, by="hour", **days)
    assert list(by_hour.values()) == [1] * sum(hours)
    assert len({datetime.fromisoformat(start) for start in by_hour}) == sum(hours)


async def test_months_in_which_clocks_are_changed_hold_all_their_hours(
    client: httpx.Client, database: asyncpg.Connection, link: Link
) -> None:
    """And nothing is lost or counted twice between them: together they are as many as there were."""
    made = await visit_every_hour(database, link, utc("2021-12-31 23:00"), utc("2022-12-31 22:00"))
    days = {"from": "2022-01-01", "to": "2022-12-31", "timezone": "Europe/Berlin"}

    months = shown(client, link, by="month", **days)

    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    changed = {3: -1, 10: 1}
    assert list(months.values()) == [24 * days + changed.get(month, 0) for month, days in enumerate(lengths, 1)]
    assert [start for start in months if start.endswith("+02:00")] == [
        f"2022-{month:02}-01T00:00:00+02:00" for month in range(4, 11)
    ]
    by_day = shown(client, link, **days)
    assert len(by_day) == 365
    assert sum(months.values()) == sum(by_day.values()) == made == 365 * 24
