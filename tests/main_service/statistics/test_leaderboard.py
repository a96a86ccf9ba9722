"""The most visited public entries: who is among them, in which order, and that nobody stays who may not."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import redis

from tests.faults.tasks import run_task
from tests.main_service.accounts.registering import User, register
from tests.main_service.entries.making import create_link, create_paste
from tests.main_service.visits.counting import count_hour
from tests.support.running import Environment

THIS_HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
MANY = 10**12
"""Visits that put whoever has them before the entries of all other tests."""


@pytest.fixture
def user(client: httpx.Client) -> User:
    return register(client)


@pytest.fixture(params=["PostgreSQL", "Redis"])
def rank(request: pytest.FixtureRequest, environment: Environment, valkey: redis.Redis) -> Iterator[Any]:
    """What to do after counts have changed: nothing while there is no ranking, else make it anew."""

    def rank() -> None:
        valkey.delete("top:{0}:day", "top:{0}:week", "top:{0}:month")
        if request.param == "Redis":
            run_task("main_service.statistics.tasks", "rank_entries_task", environment=environment)
            assert valkey.zcard("top:{0}:day") > 0
            assert 0 < valkey.ttl("top:{0}:day") <= 600

    yield rank
    valkey.delete("top:{0}:day", "top:{0}:week", "top:{0}:month")


def top(client: httpx.Client, period: str = "day") -> dict[str, int]:
    response = client.get("/api/v1/stats/top", params={"period": period})
    assert response.status_code == 200, response.text
    assert response.json()["period"] == period
    return {item["entry"]["key"]: item["visits"] for item in response.json()["items"]}


async def test_public_live_entries_are_listed_by_visits_of_people_in_the_period(
    client: httpx.Client, database: asyncpg.Connection, user: User, rank: Any
) -> None:
    def make(visibility: str) -> str:
        return str(create_link(client, headers=user.headers, visibility=visibility)["key"])

    first, second, unlisted, private = (make(visibility) for visibility in ("public", "public", "unlisted", "private"))
    for key, people in ((first, 2 * MANY), (second, MANY), (unlisted, 3 * MANY), (private, 4 * MANY)):
        await count_hour(database, key, THIS_HOUR, people=people)
    crawled = make("public")
    await count_hour(database, crawled, THIS_HOUR, people=0, bots=5 * MANY)
    await count_hour(database, second, THIS_HOUR - timedelta(days=2), people=2 * MANY)
    await count_hour(database, first, THIS_HOUR - timedelta(days=20), people=4 * MANY)
    await count_hour(database, second, THIS_HOUR - timedelta(days=31), people=9 * MANY)
    rank()

    for period, expected in (
        ("day", [(first, 2 * MANY), (second, MANY)]),
        ("week", [(second, 3 * MANY), (first, 2 * MANY)]),
        ("month", [(first, 6 * MANY), (second, 3 * MANY)]),
    ):
        listed = top(client, period)
        ours = [(key, visits) for key, visits in listed.items() if key in (first, second)]
        assert ours == expected
        assert not {unlisted, private, crawled} & set(listed)


@pytest.mark.parametrize("change", ["private", "unlisted", "deleted", "expired"])
async def test_entry_that_is_not_public_any_more_is_gone_at_once(
    client: httpx.Client, database: asyncpg.Connection, user: User, rank: Any, change: str
) -> None:
    key = create_paste(client, headers=user.headers, visibility="public")["key"]
    await count_hour(database, key, THIS_HOUR, people=10 * MANY)
    rank()
    assert key in top(client)

    address = f"/api/v1/entries/{key}"
    if change == "deleted":
        client.delete(address, headers=user.headers).raise_for_status()
    elif change == "expired":
        await database.execute("UPDATE entry SET expires_at = now() WHERE key = $1", key)
    else:
        client.patch(address, json={"visibility": change}, headers=user.headers).raise_for_status()

    assert key not in top(client)


async def test_at_most_a_hundred_are_listed_however_many_are_gone(
    client: httpx.Client, database: asyncpg.Connection, user: User, rank: Any
) -> None:
    marker = create_link(client, headers=user.headers)["key"]
    await database.execute(
        "INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url) "
        "SELECT $1 || '-' || n, 'link', 'public', now(), now(), now() + interval '1 day', 'https://example.org/' "
        "FROM generate_series(1, 320) AS n",
        marker,
    )
    await database.execute(
        "INSERT INTO visit_hour (key, hour_at, people) SELECT $1 || '-' || n, $2, $3::bigint - n "
        "FROM generate_series(1, 320) AS n",
        marker,
        THIS_HOUR,
        100 * MANY,
    )
    rank()
    await database.execute(
        "UPDATE entry SET visibility = 'unlisted' "
        "WHERE key IN (SELECT $1 || '-' || n FROM generate_series(1, 210) AS n)",
        marker,
    )

    listed = list(top(client))

    assert listed == [f"{marker}-{n}" for n in range(211, 311)]
    await database.execute("UPDATE entry SET expires_at = now() WHERE key LIKE $1", f"{marker}-%")


async def test_list_shows_nothing_that_only_who_manages_an_entry_may_see(
    client: httpx.Client, database: asyncpg.Connection, user: User
) -> None:
    limited = create_link(client, headers=user.headers, visibility="public", views=5, title="Secret")
    await count_hour(database, limited["key"], THIS_HOUR, people=10 * MANY)

    for headers in ({}, user.headers):
        items = client.get("/api/v1/stats/top", headers=headers).json()["items"]
        [item] = [each for each in items if each["entry"]["key"] == limited["key"]]
        assert item["entry"]["title"] is item["entry"]["original_url"] is item["entry"]["visit_count"] is None


def test_unknown_period_is_refused(client: httpx.Client) -> None:
    response = client.get("/api/v1/stats/top?period=year")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "period")
