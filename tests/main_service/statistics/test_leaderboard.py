"""The most visited public entries: which are listed, in which order, and which are no longer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import redis

from tests.support.accounts import User, bearer, new_user
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, new_alias
from tests.support.pages import BROWSER, words
from tests.support.statistics import insert_hour_counts
from tests.support.visits import FIREFOX, ingest
from tests.support.web import WebServer
from tests.support.workers import run_task

THIS_HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
"""When the tests began, which may be some hours ago."""
MANY = 10**7
"""Visitors that put an entry before those of all other tests."""
RANKINGS = [f"ranking:{{0}}:{period}{ending}" for period in ("day", "week", "month") for ending in ("", ":again")]


@pytest.fixture
def user(client: httpx.Client) -> User:
    return new_user(client)


@pytest.fixture(autouse=True)
def no_rankings(valkey: redis.Redis) -> Iterator[None]:
    """A worker of another test may have left some."""
    valkey.delete(*RANKINGS)
    yield
    valkey.delete(*RANKINGS)


@pytest.fixture(params=["PostgreSQL", "Redis"])
def rank(request: pytest.FixtureRequest, environment: Environment, valkey: redis.Redis) -> Any:
    """What to do after counts have changed: nothing while there is no ranking, else make it anew."""

    def rank() -> None:
        valkey.delete(*RANKINGS)
        if request.param == "Redis":
            run_task("rank_entries", environment=environment)
            assert 0 < valkey.ttl("ranking:{0}:day") <= 600

    return rank


def places(client: httpx.Client, period: str = "day") -> dict[str, tuple[int, int]]:
    """Visitors and visits by key, in the order of the list."""
    response = client.get("/api/v1/stats/top", params={"period": period})
    assert response.status_code == 200, response.text
    assert response.json()["period"] == period
    return {item["entry"]["key"]: (item["visitors"], item["visits"]) for item in response.json()["items"]}


def top(client: httpx.Client, period: str = "day") -> dict[str, int]:
    """The visitors of each entry, by key."""
    return {key: visitors for key, (visitors, _) in places(client, period).items()}


def visit(client: httpx.Client, path: str, user_agent: str = FIREFOX) -> int:
    return client.get(path, headers={"User-Agent": user_agent}).status_code


async def count_visitors(database: asyncpg.Connection, key: str, hour: datetime, number: int) -> None:
    """Count visitors who each came twice."""
    await insert_hour_counts(database, key, hour, people=2 * number, visitors=number)


async def test_public_live_entries_are_listed_by_visitors_in_the_period(
    client: httpx.Client, database: asyncpg.Connection, user: User, rank: Any
) -> None:
    def make(visibility: str) -> str:
        return str(create_link(client, headers=user.headers, visibility=visibility)["key"])

    first, second, unlisted, private = (make(visibility) for visibility in ("public", "public", "unlisted", "private"))
    for key, number in ((first, 2 * MANY), (second, MANY), (unlisted, 3 * MANY), (private, 4 * MANY)):
        await count_visitors(database, key, THIS_HOUR, number)
    crawled = make("public")
    await insert_hour_counts(database, crawled, THIS_HOUR, people=0, bots=5 * MANY)
    await count_visitors(database, second, THIS_HOUR - timedelta(days=2), 2 * MANY)
    await count_visitors(database, first, THIS_HOUR - timedelta(days=20), 4 * MANY)
    await count_visitors(database, second, THIS_HOUR - timedelta(days=31), 9 * MANY)
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
    await count_visitors(database, key, THIS_HOUR, 10 * MANY)
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
        "INSERT INTO visit_hour (key, hour_at, people, day_visitors) "
        "SELECT $1 || '-' || n, $2, $3::bigint - n, $3::bigint - n FROM generate_series(1, 320) AS n",
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


async def test_one_client_that_comes_again_and_again_is_one_visitor(
    environment: Environment, client: httpx.Client, user: User, rank: Any
) -> None:
    spammed, read = (str(create_link(client, headers=user.headers, visibility="public")["key"]) for _ in range(2))
    for _ in range(100):
        assert visit(client, f"/{spammed}") == 302
    for system in ("X11; Linux x86_64", "Windows NT 10.0; Win64; x64"):
        agent = f"Mozilla/5.0 ({system}; rv:145.0) Gecko/20100101 Firefox/145.0"
        assert visit(client, f"/{read}", agent) == 302
    # Of these nothing may be kept that would tell them apart.
    for _ in range(100):
        assert client.get(f"/{spammed}", headers={"User-Agent": FIREFOX, "DNT": "1"}).status_code == 302
    await ingest(environment)
    rank()

    for period in ("day", "week", "month"):
        ours = {key: figures for key, figures in places(client, period).items() if key in (spammed, read)}
        assert list(ours.items()) == [(read, (2, 2)), (spammed, (1, 200))]


async def test_at_a_tie_the_older_entry_is_first_however_often_the_other_was_visited(
    client: httpx.Client, database: asyncpg.Connection, user: User, rank: Any
) -> None:
    older, newer = (str(create_link(client, headers=user.headers, visibility="public")["key"]) for _ in range(2))
    await insert_hour_counts(database, older, THIS_HOUR, people=50 * MANY, visitors=50 * MANY)
    await insert_hour_counts(database, newer, THIS_HOUR, people=90 * MANY, visitors=50 * MANY)
    rank()

    assert [key for key in top(client) if key in (older, newer)] == [older, newer]


async def test_visitors_of_a_day_that_began_before_are_no_more_than_the_visits_since(
    client: httpx.Client, database: asyncpg.Connection, user: User, rank: Any
) -> None:
    key = create_link(client, headers=user.headers, visibility="public")["key"]
    # In the first hours of the time, of whose day it has only a part; not in the very first, which may end meanwhile.
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=22)
    await insert_hour_counts(database, key, hour, people=2 * MANY, visitors=60 * MANY)
    rank()

    assert top(client)[key] == 2 * MANY


async def test_empty_list_is_made_anew_when_it_is_asked_for_but_not_each_time(
    client: httpx.Client, database: asyncpg.Connection, user: User, valkey: redis.Redis, rank: Any
) -> None:
    key = create_link(client, headers=user.headers, visibility="public")["key"]
    await count_visitors(database, key, THIS_HOUR, 10 * MANY)
    rank()
    # As it was ranked before the first visit.
    valkey.set("ranking:{0}:day", "[]", ex=600)

    assert key in top(client)
    assert key in top(client), "the new one is kept"

    valkey.set("ranking:{0}:day", "[]", ex=600)
    assert top(client) == {}
    assert 0 < valkey.ttl("ranking:{0}:day:again") <= 10
    valkey.delete("ranking:{0}:day:again")
    assert key in top(client)


@pytest.mark.parametrize("audience", ["users", "off"])
async def test_list_is_shown_to_those_the_operator_chose(
    environment: Environment, database: asyncpg.Connection, audience: str
) -> None:
    with WebServer(environment | {"MAIN_LEADERBOARD": audience}) as server:
        user = new_user(server.client)
        key = create_link(server.client, headers=user.headers, visibility="public")["key"]
        await count_visitors(database, key, THIS_HOUR, 10 * MANY)

        answers = {
            name: server.client.get("/api/v1/stats/top", headers=headers)
            for name, headers in (("user", user.headers), ("guest", {}), ("forger", bearer("nonsense")))
        }
        page, start = (server.client.get(path, headers=BROWSER) for path in ("/top", "/"))

    status = {name: answer.status_code for name, answer in answers.items()}
    assert status == {"user": 200 if audience == "users" else 404, "guest": 401 if audience == "users" else 404} | {
        "forger": 401
    }
    assert "/top" not in start.text
    if audience == "off":
        assert page.status_code == 404
    if audience == "users":
        assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=/top")
        assert key in {item["entry"]["key"] for item in answers["user"].json()["items"]}
        assert answers["guest"].json()["code"] == "sign_in_required"


async def test_list_shows_nothing_that_only_managers_of_an_entry_may_see(
    client: httpx.Client, database: asyncpg.Connection, user: User
) -> None:
    limited = create_link(client, headers=user.headers, visibility="public", views=5, title="Secret")
    await count_visitors(database, limited["key"], THIS_HOUR, 10 * MANY)

    for headers in ({}, user.headers):
        items = client.get("/api/v1/stats/top", headers=headers).json()["items"]
        [item] = [each for each in items if each["entry"]["key"] == limited["key"]]
        assert item["entry"]["title"] is item["entry"]["original_url"] is item["entry"]["visit_count"] is None


def test_unknown_period_is_refused(client: httpx.Client) -> None:
    response = client.get("/api/v1/stats/top?period=year")

    assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "period")


async def test_page_lists_public_entries_only_and_shows_nothing_of_limited_ones(
    client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    titles = [f"<i>{text}</i> {new_alias()}" for text in ("first", "second")]
    public = [create_paste(client, title=title, visibility="public") for title in titles]
    unlisted = create_paste(client, title=new_alias())
    limited = create_link(client, title=new_alias(), visibility="public", views=9)
    untitled = create_link(client, visibility="public")
    for number, entry in enumerate([*public, unlisted, limited, untitled], 20):
        await count_visitors(database, entry["key"], THIS_HOUR, number * MANY)
    valkey.delete(*RANKINGS)

    pages = {period: client.get("/top", params={"period": period}, headers=BROWSER) for period in ("day", "nonsense")}
    valkey.delete(*RANKINGS)

    assert '<a href="/top">Most visited</a>' in client.get("/", headers=BROWSER).text
    for page in pages.values():
        assert page.status_code == 200
        shown = words(page)
        places = [shown.find(entry["title"]) for entry in reversed(public)]
        assert 0 <= places[0] < places[1]
        assert f"Link, {untitled['key']}" in shown
        assert "<i>first" not in page.text
        assert f"{21 * MANY:,} visitors" in shown
        assert f'href="/{limited["key"]}"' in page.text
        for hidden in (unlisted["key"], unlisted["title"], limited["title"], "example.org/"):
            assert hidden not in page.text
