"""Visits come from the stream into the tables, each exactly once."""

import random
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import httpx
import pytest
import redis

from tests.support.accounts import insert_owner
from tests.support.engines import Environment
from tests.support.entries import ago, create_link, ended, insert_paste, manage_headers
from tests.support.visits import (
    ANDROID_CHROME,
    DIMENSIONS,
    FIREFOX,
    GOOGLEBOT,
    add_batch,
    at_ms,
    ingest,
    insert_link,
    remaining_records,
    value_counts,
    visit_counts,
    visit_to,
)


async def test_every_visit_is_counted_once_and_all_tables_tell_the_same(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    keys = [await insert_link(database) for _ in range(5)]
    devices = {FIREFOX: "desktop", ANDROID_CHROME: "mobile", "curl/8.5.0": "terminal"}
    visits = [
        visit_to(
            random.choice(keys),
            user_agent=random.choice([*devices, GOOGLEBOT, "python-requests/2.32.3"]),
            referrer=random.choice(["", "https://a.example.org/x", "https://b.example.com/"]),
            language=random.choice(["de", "en-GB", ""]),
            at_ms=at_ms(ago(hours=random.randrange(50))),
        )
        for _ in range(2_000)
    ]
    for start in range(0, len(visits), 25):
        add_batch(valkey, visits[start : start + 25])

    await ingest(environment)

    people = Counter(visit[1] for visit in visits if visit[4] in devices)
    bots = Counter(visit[1] for visit in visits if visit[4] not in devices)
    assert {key: await visit_counts(database, key) for key in keys} == {key: (people[key], bots[key]) for key in keys}
    for key in keys:
        own = [visit for visit in visits if visit[1] == key and visit[4] in devices]
        assert await value_counts(database, key, "device") == Counter(devices[visit[4]] for visit in own)
        assert await value_counts(database, key, "language") == Counter(visit[6][:2] or "unknown" for visit in own)
        last_visit_at = await database.fetchval("SELECT last_visit_at FROM entry WHERE key = $1", key)
        assert at_ms(last_visit_at) == max(visit[0] for visit in own)
    assert remaining_records(valkey) == (0, 0)
    assert await ingest(environment) == 0


async def test_row_has_what_is_kept_of_a_visit(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    owner = await insert_owner(database)
    key = await insert_link(database, owner_id=owner, original_url="https://News.Example.co.uk:8443/a?b")
    visited_at = datetime(2026, 7, 1, 12, 0, 0, 123_000, tzinfo=UTC)
    add_batch(valkey, [visit_to(key, at_ms=at_ms(visited_at), user_agent=ANDROID_CHROME)])

    await ingest(environment)

    assert dict(await database.fetchrow("SELECT *, host(ip) AS ip FROM visit WHERE key = $1", key)) == {
        "visited_at": visited_at,
        "key": key,
        "owner_id": owner,
        "ip": "203.0.113.0",
        "country": None,
        "device_type": "mobile",
        "browser": "Chrome Mobile",
        "os": "Android",
        "language": "en",
        "referrer": "https://forum.example.net/thread/4711",
        "referrer_domain": "example.net",
        "target_domain": "example.co.uk",
        "target_subdomain": "news",
        "domain_1st": "co.uk",
        "domain_2nd": "example.co.uk",
        "is_bot": False,
    }


async def test_visit_of_which_nothing_may_be_kept_is_counted_as_a_persons(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    nothing = {"ip": None, "visitor": None, "user_agent": "", "referrer": "", "language": ""}
    add_batch(valkey, [visit_to(key, **nothing)])

    await ingest(environment)

    assert await visit_counts(database, key) == (1, 0)
    row = dict(await database.fetchrow("SELECT * FROM visit WHERE key = $1", key))
    assert {name for name, value in row.items() if value is not None} == {
        "visited_at", "key", "target_domain", "domain_1st", "domain_2nd", "is_bot"
    }  # fmt: skip
    for dimension in DIMENSIONS:
        assert await value_counts(database, key, dimension) == {"unknown": 1}
    assert await database.fetchval("SELECT day_visitors FROM visit_hour WHERE key = $1", key) == 0
    assert not valkey.keys(f"visitors:{{0}}:{key}:*")


async def test_client_that_says_nothing_of_itself_is_a_bot(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key, user_agent="")])

    await ingest(environment)

    assert await visit_counts(database, key) == (0, 1)
    assert await database.fetchval("SELECT last_visit_at FROM entry WHERE key = $1", key) is None


async def test_batch_that_was_added_again_counts_once(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    visits = [visit_to(key), visit_to(key, user_agent=GOOGLEBOT)]
    batch_id = add_batch(valkey, visits)
    add_batch(valkey, visits, batch_id=batch_id)

    await ingest(environment)
    add_batch(valkey, visits, batch_id=batch_id)
    await ingest(environment)

    assert await visit_counts(database, key) == (1, 1)
    assert remaining_records(valkey) == (0, 0)


async def test_figures_of_several_rounds_add_up(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    for _ in range(3):
        add_batch(valkey, [visit_to(key, user_agent=agent) for agent in (FIREFOX, GOOGLEBOT, GOOGLEBOT)])
        await ingest(environment)

    assert await visit_counts(database, key) == (3, 6)


async def test_older_visit_does_not_turn_the_last_one_back(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    used_at = ago(minutes=1)
    key = await insert_link(database, last_visit_at=used_at)
    add_batch(valkey, [visit_to(key, at_ms=at_ms(ago(minutes=2)))])

    await ingest(environment)

    assert await visit_counts(database, key) == (1, 0)
    assert await database.fetchval("SELECT last_visit_at FROM entry WHERE key = $1", key) == used_at


async def test_last_visit_moves_with_the_visits_of_people_and_not_with_what_else_reads_an_entry(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    link = create_link(client)
    key = link["key"]

    async def figures() -> tuple[int, datetime | None]:
        await ingest(environment)
        shown = client.get(f"/api/v1/entries/{key}/stats", headers=manage_headers(link)).json()
        assert (shown["visit_count"] == 0) == (shown["last_visit_at"] is None)
        row = await database.fetchrow("SELECT visit_count, last_visit_at FROM entry WHERE key = $1", key)
        return row["visit_count"], row["last_visit_at"]

    async def look(path: str, user_agent: str) -> None:
        """Long after its last use, and with no cached entry of it."""
        await database.execute("UPDATE entry SET updated_at = $2, used_at = NULL WHERE key = $1", key, ago(days=9))
        valkey.delete(f"entry:{{0}}:{key}")
        assert client.get(path, headers={"User-Agent": user_agent}).status_code in (200, 302)
        noted = await database.fetchval("SELECT greatest(last_visit_at, used_at) FROM entry WHERE key = $1", key)
        assert noted > ago(minutes=5), "it was not noted that it is used"

    for path, user_agent in ((f"/{key}+", FIREFOX), (f"/api/v1/entries/{key}", FIREFOX), (f"/{key}", GOOGLEBOT)):
        await look(path, user_agent)
        assert await figures() == (0, None), path
    await look(f"/{key}", FIREFOX)
    people, last_visit_at = await figures()
    assert people == 1
    assert last_visit_at > ago(minutes=5)
    await look(f"/{key}", GOOGLEBOT)
    assert await figures() == (1, last_visit_at)


@pytest.mark.parametrize("state", ["over", "ended", "private"])
async def test_visits_to_an_entry_that_has_ended_since_count(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, state: str
) -> None:
    owner = await insert_owner(database)
    columns = {
        "over": {"expires_at": ago(hours=1)},
        "ended": ended(ago(hours=1)),
        "private": {"visibility": "private"},
    }[state]
    key = await insert_link(database, owner_id=owner, **columns)
    add_batch(valkey, [visit_to(key)])

    await ingest(environment)

    assert await visit_counts(database, key) == (1, 0)
    assert await database.fetchval("SELECT owner_id FROM visit WHERE key = $1", key) == owner


async def test_nothing_but_figures_comes_back_to_an_entry_that_was_emptied(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database, **ended(ago(hours=1)), original_url=None, last_visit_at=None)
    add_batch(valkey, [visit_to(key)])

    await ingest(environment)

    assert await visit_counts(database, key) == (1, 0)
    row = await database.fetchrow(
        "SELECT last_visit_at, target_domain, domain_1st FROM entry JOIN visit USING (key) WHERE key = $1", key
    )
    assert tuple(row) == (None, None, None)


async def test_visit_to_a_paste_has_no_target(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_paste(database)
    add_batch(valkey, [visit_to(key)])

    await ingest(environment)

    assert await visit_counts(database, key) == (1, 0)
    row = await database.fetchrow(
        "SELECT target_domain, target_subdomain, domain_1st, domain_2nd FROM visit WHERE key = $1", key
    )
    assert tuple(row) == (None, None, None, None)


async def test_more_than_fits_a_portion_is_counted_in_one_round(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database)
    visit = visit_to(key)
    with valkey.pipeline(transaction=False) as pipe:
        for _ in range(2_001):
            add_batch(pipe, [visit])
        pipe.execute()

    assert await ingest(environment) == 2_001

    assert await visit_counts(database, key) == (2_001, 0)
    assert remaining_records(valkey) == (0, 0)


async def test_visits_to_very_many_entries_are_counted_in_one_round(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    """There are more entries than are locked together."""
    prefix = uuid4().hex[:8]
    await database.execute(
        """
        INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url)
        SELECT $1 || '-' || number, 'link', 'unlisted', now(), now(), now() + interval '1 day', 'https://example.org/'
        FROM generate_series(1, 5500) AS number
        """,
        prefix,
    )
    for start in range(0, 5_500, 500):
        add_batch(valkey, [visit_to(f"{prefix}-{number}") for number in range(start + 1, start + 501)])

    assert await ingest(environment) == 5_500

    counted_once = "SELECT count(*) FROM entry WHERE key LIKE $1 || '-%' AND visit_count = 1"
    assert await database.fetchval(counted_once, prefix) == 5_500
