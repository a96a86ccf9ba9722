"""Each visit keeps the target that its link led to at the time, however often the link was changed since."""

import tracemalloc
from datetime import datetime

import asyncpg
import httpx
import pytest
import redis

from tests.support.engines import Environment
from tests.support.entries import ago, create_link, create_paste, ended, manage_headers, new_alias
from tests.support.visits import FIREFOX, add_batch, at_ms, ingest, insert_link, visit_to

FIRST, SECOND, THIRD = "https://a.example.co.uk/1", "https://b.example.com/2", "https://c.example.org/3"


async def targets(database: asyncpg.Connection, key: str) -> list[str]:
    """The targets of a link in the order in which they held."""
    rows = await database.fetch("SELECT original_url FROM link_target WHERE key = $1 ORDER BY valid_from", key)
    return [row["original_url"] for row in rows]


async def starts(database: asyncpg.Connection, key: str) -> list[datetime]:
    rows = await database.fetch("SELECT valid_from FROM link_target WHERE key = $1 ORDER BY valid_from", key)
    return [row["valid_from"] for row in rows]


async def archived(database: asyncpg.Connection, key: str) -> list[tuple[str, str, str | None]]:
    """The targets of each visit, as operators read them once the entry has ended."""
    rows = await database.fetch(
        "SELECT domain_1st, target_domain, original_url FROM visit_archive WHERE key = $1 ORDER BY visited_at", key
    )
    return [tuple(row) for row in rows]


def change(client: httpx.Client, link: dict[str, str], **fields: str) -> None:
    answer = client.patch(f"/api/v1/entries/{link['key']}", json=fields, headers=manage_headers(link))
    assert answer.status_code == 200, answer.text


async def test_visit_has_the_target_that_it_led_to_though_the_link_was_changed_before_it_was_counted(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    link = create_link(client, original_url=FIRST)
    for original_url in (SECOND, THIRD, None):
        answer = client.get(f"/{link['key']}", headers={"User-Agent": FIREFOX})
        assert answer.status_code == 302
        if original_url:
            change(client, link, original_url=original_url)

    await ingest(environment)
    client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).raise_for_status()

    assert await archived(database, link["key"]) == [
        ("co.uk", "example.co.uk", FIRST), ("com", "example.com", SECOND), ("org", "example.org", THIRD),
    ]  # fmt: skip


async def test_change_of_something_else_and_the_same_target_again_are_no_new_target(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    link, named = create_link(client, original_url=FIRST), create_link(client, original_url=FIRST, alias=new_alias())
    change(client, link, title="Title")
    change(client, link, original_url=FIRST)
    assert await targets(database, link["key"]) == await targets(database, named["key"]) == [FIRST]
    assert await targets(database, create_paste(client)["key"]) == []

    change(client, link, original_url=SECOND)
    change(client, link, original_url=FIRST)

    assert await targets(database, link["key"]) == [FIRST, SECOND, FIRST]
    assert all(start.microsecond % 1000 == 0 for start in await starts(database, link["key"])), "visits have ms"
    row = await database.fetchrow("SELECT created_at, updated_at FROM entry WHERE key = $1", link["key"])
    first, _, last = await starts(database, link["key"])
    assert 0 <= (row["created_at"] - first).total_seconds() < 0.001
    assert abs((row["updated_at"] - last).total_seconds()) < 0.001


async def test_request_that_is_sent_again_makes_one_target(client: httpx.Client, database: asyncpg.Connection) -> None:
    headers = {"Idempotency-Key": new_alias()}
    key, again = (create_link(client, headers=headers, original_url=FIRST)["key"] for _ in range(2))

    assert key == again
    assert await targets(database, key) == [FIRST]


async def test_target_of_a_link_that_is_older_than_the_table_is_kept_when_it_changes(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    link = create_link(client, original_url=FIRST)
    await database.execute("DELETE FROM link_target WHERE key = $1", link["key"])
    await database.execute("UPDATE entry SET created_at = $2 WHERE key = $1", link["key"], ago(days=30))
    add_batch(valkey, [visit_to(link["key"], at_ms=at_ms(ago(days=2)))])
    change(client, link, original_url=SECOND)

    await ingest(environment)
    client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).raise_for_status()

    assert await targets(database, link["key"]) == [FIRST, SECOND]
    assert await archived(database, link["key"]) == [("co.uk", "example.co.uk", FIRST)]


async def test_link_without_targets_led_where_its_entry_does(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = await insert_link(database, original_url=FIRST)
    add_batch(valkey, [visit_to(key)])
    await ingest(environment)

    await database.execute("UPDATE entry SET ended_at = now(), archival_reason = 'deleted' WHERE key = $1", key)

    assert await archived(database, key) == [("co.uk", "example.co.uk", FIRST)]


async def test_only_the_newest_hundred_targets_of_a_link_are_kept(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    link = create_link(client, original_url=FIRST)
    await database.execute(
        "INSERT INTO link_target SELECT $1, valid_from + number * interval '1 ms', 'https://example.org/' || number "
        "FROM link_target, generate_series(1, 120) AS number WHERE key = $1",
        link["key"],
    )
    await database.execute("UPDATE entry SET original_url = 'https://example.org/120' WHERE key = $1", link["key"])

    change(client, link, original_url=SECOND)

    kept = await targets(database, link["key"])
    assert (len(kept), kept[0], kept[-1]) == (100, "https://example.org/22", SECOND)


async def test_visits_of_one_portion_have_the_targets_of_their_times_and_of_no_other_link(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    changed, young = [await insert_link(database, original_url=FIRST) for _ in range(2)]
    targets = [f"https://{number}.example{number}.org/" for number in range(10)]
    held_from = [ago(hours=10 - number) for number in range(10)]
    await database.executemany(
        "INSERT INTO link_target VALUES ($1, date_trunc('milliseconds', $2::timestamptz), $3)",
        [(changed, *row) for row in zip(held_from, targets, strict=True)] + [(young, ago(minutes=5), SECOND)],
    )
    # Of some targets none, of others two; those before the first are taken for its.
    instants = [ago(hours=hours) for hours in (30, 20, 9.5, 6.9, 6.1, 1, 0.5)]
    visits = [visit_to(key, at_ms=at_ms(instant)) for key in (changed, young) for instant in instants]
    visits.append(visit_to(changed, at_ms=at_ms(held_from[4])))
    add_batch(valkey, visits[::2])
    add_batch(valkey, visits[1::2])

    assert await ingest(environment) == len(visits)

    rows = "SELECT target_domain FROM visit WHERE key = $1 ORDER BY visited_at"
    domains = [[row["target_domain"] for row in await database.fetch(rows, key)] for key in (changed, young)]
    assert domains[0] == [f"example{number}.org" for number in (0, 0, 0, 3, 3, 4, 9, 9)]
    assert domains[1] == ["example.co.uk"] * len(instants)


@pytest.mark.parametrize("are_all_visited", [True, False])
async def test_few_targets_are_in_memory_at_once_however_often_links_were_changed(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, are_all_visited: bool
) -> None:
    links, changes, longest = 50, 100, 8_000
    keys = [await insert_link(database, original_url=FIRST) for _ in range(links)]
    start = at_ms(ago(hours=3))
    await database.execute(
        "INSERT INTO link_target SELECT key, timestamptz 'epoch' + ($2::bigint + number) * interval '1 ms', "
        "       rpad('https://example.org/' || key || number || '/', $4, 'x') "
        "FROM unnest($1::text[]) AS key, generate_series(1, $3) AS number",
        keys, start, changes, longest,
    )  # fmt: skip
    add_batch(valkey, [visit_to(keys[0], at_ms=start)])
    assert await ingest(environment) == 1, "what is loaded once is loaded"
    step = 1 if are_all_visited else changes - 1
    visits = [visit_to(key, at_ms=start + number) for key in keys for number in range(1, changes + 1, step)]
    add_batch(valkey, visits)

    tracemalloc.start()
    try:
        assert await ingest(environment) == len(visits)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < links * changes * longest / 2


async def test_visit_that_claims_to_be_of_another_age_is_counted_all_the_same(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    link = create_link(client, original_url=FIRST)
    change(client, link, original_url=SECOND)
    instants = [0, at_ms(ago(days=10_000)), at_ms(ago(days=-40_000))]
    add_batch(valkey, [visit_to(link["key"], at_ms=instant) for instant in instants])

    assert await ingest(environment) == len(instants)

    rows = await database.fetch("SELECT target_domain FROM visit WHERE key = $1 ORDER BY visited_at", link["key"])
    assert [row["target_domain"] for row in rows] == ["example.co.uk", "example.co.uk", "example.com"]


async def test_rows_that_a_worker_from_before_wrote_are_read_under_the_present_names(
    database: asyncpg.Connection,
) -> None:
    key = await insert_link(database, **ended(ago(hours=1)))
    await database.execute(
        "INSERT INTO visit (visited_at, key, domain_1st, domain_2nd, is_bot) "
        "VALUES (now(), $1, 'example.co.uk', 'news', false)",
        key,
    )

    row = await database.fetchrow("SELECT * FROM visit_archive WHERE key = $1", key)

    assert (row["target_domain"], row["target_subdomain"]) == ("example.co.uk", "news")
    assert (row["domain_1st"], row["domain_2nd"]) == (None, None)
