"""During an upgrade the previous release runs beside the new one: what either leaves behind is good for the other."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest
import redis

from main_service.entries.cache import HEAD_START
from tests.support.accounts import (
    new_user,
)
from tests.support.engines import REPOSITORY, Environment
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.gates import Gated
from tests.support.key_filter import REGISTRY, bitmap_name, clear_cache, open_filter, rebuild_filter, reset_filter
from tests.support.visits import FIREFOX, insert_link, remaining_records, visit_counts
from tests.support.web import WebServer
from tests.upgrade.release_before import release_before, run_task

OLD_TOMBSTONE = ""
PERSON = {"User-Agent": FIREFOX}


def cache_key(entry: dict[str, str]) -> str:
    return f"entry:{{0}}:{entry['key']}"


def target(server: WebServer, entry: dict[str, str]) -> str:
    answer = server.client.get(f"/{entry['key']}", headers=PERSON)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def change(server: WebServer, entry: dict[str, str], **fields: str) -> None:
    answer = server.client.patch(f"/api/v1/entries/{entry['key']}", json=fields, headers=manage_headers(entry))
    assert answer.status_code == 200, answer.text


def test_copy_of_either_is_no_trouble_for_the_other(
    giver: WebServer, taker: WebServer, new: WebServer, valkey: redis.Redis
) -> None:
    link, paste = create_link(giver.client), create_paste(giver.client, text="text\n", title="Title")
    for server in (giver, taker, giver, taker):
        assert target(server, link) == "https://example.org/target"
        assert server.client.get(f"/{paste['key']}/raw").text == "text\n"
        assert server.client.get(f"/api/v1/entries/{paste['key']}").json()["title"] == "Title"

    # The new one replaces what it does not know, and the other leaves it alone.
    for entry in (link, paste):
        assert valkey.get(cache_key(entry)).startswith(HEAD_START)


def test_change_by_either_is_seen_by_both_at_once(
    giver: WebServer, taker: WebServer, old: WebServer, valkey: redis.Redis
) -> None:
    link = create_link(giver.client)
    for number, changer in enumerate([giver, taker, taker, giver, giver]):
        address = f"https://new.example/{number}"
        change(changer, link, original_url=address)
        assert (valkey.get(cache_key(link)) == OLD_TOMBSTONE) == (changer is old)
        for reader in (taker, giver, taker, giver):
            assert target(reader, link) == address
    assert giver.client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).status_code == 204
    assert {server.client.get(f"/{link['key']}").status_code for server in (giver, taker)} == {410}


@pytest.mark.parametrize("is_read", [False, True], ids=["tombstone stands", "new cached entry stands"])
def test_slow_read_of_the_old_one_cannot_bring_back_what_the_new_one_has_changed(
    old: WebServer, new: WebServer, gated_old: Gated, valkey: redis.Redis, is_read: bool
) -> None:
    link = create_link(new.client)
    with gated_old.valkey.stop_at(b"\r\nNX\r\n", hold="request") as stop, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(target, old, link)
        stop.wait()
        change(new, link, original_url="https://new.example/")
        if is_read:
            assert target(new, link) == "https://new.example/"
        standing = valkey.get(cache_key(link))
        stop.release()
        assert slow.result() == "https://example.org/target"

    assert standing.startswith(HEAD_START if is_read else "[0,")
    assert valkey.get(cache_key(link)) == standing
    assert target(old, link) == target(new, link) == "https://new.example/"


@pytest.mark.parametrize("replayer", ["old", "new"])
async def test_change_that_redis_missed_is_replayed_by_either(
    old: WebServer,
    new: WebServer,
    old_code: Path,
    shared_environment: Environment,
    database: asyncpg.Connection,
    valkey: redis.Redis,
    replayer: str,
) -> None:
    link = create_link(old.client)
    assert target(old, link) == target(new, link)
    async with database.transaction():
        await database.execute(
            "UPDATE entry SET original_url = 'https://new.example/', updated_at = now() WHERE key = $1", link["key"]
        )
        await database.execute("INSERT INTO stale_key (key) VALUES ($1)", link["key"])
    assert target(new, link) == "https://example.org/target"

    run_task("heal_copies", code=old_code if replayer == "old" else REPOSITORY, environment=shared_environment)

    assert target(old, link) == target(new, link) == "https://new.example/"


async def test_membership_filter_of_either_knows_the_keys_of_both(
    old: WebServer, new: WebServer, shared_environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    reset_filter(valkey)
    await rebuild_filter(shared_environment)
    bitmap = bitmap_name(valkey)
    behind_its_back = await insert_link(database)

    links = [create_link(server.client) for server in (old, new)]

    clear_cache(valkey)
    for server in (old, new):
        assert server.client.get(f"/{behind_its_back}").status_code == 404, "the filter was not asked"
        for link in links:
            assert target(server, link)
            valkey.delete(cache_key(link))
    assert bitmap_name(valkey) == bitmap


async def test_filter_of_several_bitmaps_knows_the_keys_of_both(
    old: WebServer, new: WebServer, shared_environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    """The previous release adds its keys to all of them, and refuses nothing by them."""
    reset_filter(valkey)
    async with open_filter(shared_environment, first_size=8, largest_part=20) as known:
        await known.bitmaps.begin(21)
        await known.rebuild()
    behind_its_back = await insert_link(database)
    assert new.client.get(f"/{behind_its_back}").status_code == 404, "the filter was not asked"

    links = [create_link(server.client) for server in (old, new) for _ in range(4)]

    for server in (old, new):
        for link in links:
            valkey.delete(cache_key(link))
            assert target(server, link)
    assert sorted(name.rpartition(":")[2] for name in valkey.hkeys(REGISTRY)) == ["020.0", "020.00"]
    reset_filter(valkey)


def test_manage_token_of_either_manages_at_the_other(giver: WebServer, taker: WebServer) -> None:
    paste = create_paste(giver.client)

    change(taker, paste, title="New")
    assert taker.client.delete(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste)).status_code == 204


def test_page_after_page_of_a_list_comes_from_either(giver: WebServer, taker: WebServer) -> None:
    user = new_user(giver.client)
    keys = {create_link(giver.client, headers=user.headers)["key"] for _ in range(3)}
    seen: list[str] = []
    query: dict[str, str] = {"limit": "1"}
    for server in (giver, taker, giver):
        page = server.client.get("/api/v1/entries", params=query, headers=user.headers)
        assert page.status_code == 200, page.text
        seen += [item["key"] for item in page.json()["items"]]
        query |= {"cursor": page.json()["next_cursor"] or ""}
    assert set(seen) == keys


@pytest.mark.parametrize("is_user", [False, True], ids=["guest", "user"])
def test_request_that_is_sent_again_to_the_other_makes_one_entry(
    giver: WebServer, taker: WebServer, is_user: bool
) -> None:
    headers = {"Idempotency-Key": str(uuid4()), **(new_user(giver.client).headers if is_user else {})}
    body = {"original_url": "https://example.org/once"}

    first, second = (server.client.post("/api/v1/links", json=body, headers=headers) for server in (giver, taker))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["key"] == second.json()["key"]
    assert first.json().get("manage_token") == second.json().get("manage_token")


def test_address_that_either_gave_away_is_taken_for_the_other(giver: WebServer, taker: WebServer) -> None:
    body = {"original_url": "https://example.org/", "alias": new_alias()}

    statuses = [server.client.post("/api/v1/links", json=body).status_code for server in (giver, taker)]

    assert statuses == [201, 409]


@pytest.mark.parametrize("worker", ["old", "new"])
async def test_visits_at_both_are_counted_once_by_the_worker_of_either(
    old: WebServer,
    new: WebServer,
    old_code: Path,
    shared_environment: Environment,
    database: asyncpg.Connection,
    valkey: redis.Redis,
    worker: str,
) -> None:
    link, paste = create_link(new.client), create_paste(old.client)
    for server in (old, new):
        for _ in range(2):
            assert target(server, link)
            assert server.client.get(f"/{paste['key']}/raw", headers=PERSON).status_code == 200
    assert remaining_records(valkey)[0] > 0

    run_task("ingest_visits", code=old_code if worker == "old" else REPOSITORY, environment=shared_environment)
    run_task("ingest_visits", code=REPOSITORY if worker == "old" else old_code, environment=shared_environment)

    assert remaining_records(valkey) == (0, 0)
    for entry in (link, paste):
        assert await visit_counts(database, entry["key"]) == (4, 0)
        visitors = "SELECT sum(day_visitors) FROM visit_hour WHERE key = $1"
        assert await database.fetchval(visitors, entry["key"]) == 1, "both know a visitor as the same"


@pytest.mark.parametrize("reader", ["old", "new"])
async def test_entry_that_either_notes_the_use_of_is_not_ended_as_unused_and_has_no_visit(
    old: WebServer,
    new: WebServer,
    shared_environment: Environment,
    database: asyncpg.Connection,
    valkey: redis.Redis,
    reader: str,
) -> None:
    used, unused = create_link(old.client), create_link(old.client)
    for link in (used, unused):
        long_ago = "UPDATE entry SET updated_at = now() - interval '4000 days' WHERE key = $1"
        await database.execute(long_ago, link["key"])
        valkey.delete(cache_key(link))
    server = old if reader == "old" else new
    assert server.client.get(f"/api/v1/entries/{used['key']}").status_code == 200

    run_task("archive_unused", code=REPOSITORY, environment=shared_environment | {"MAIN_UNUSED_DAYS": "3000"})

    reasons = [await database.fetchval("SELECT archival_reason FROM entry WHERE key = $1", link["key"])
               for link in (used, unused)]  # fmt: skip
    assert reasons == [None, "unused"]
    shown = new.client.get(f"/api/v1/entries/{used['key']}/stats", headers=manage_headers(used)).json()
    assert (shown["visit_count"], shown["last_visit_at"]) == (0, None)


async def test_targets_are_known_whichever_release_makes_a_link_and_changes_it(
    old: WebServer, new: WebServer, database: asyncpg.Connection
) -> None:
    link = create_link(old.client)
    for number, changer in enumerate([new, old, new]):
        change(changer, link, original_url=f"https://new.example/{number}")

    rows = await database.fetch("SELECT original_url FROM link_target WHERE key = $1 ORDER BY valid_from", link["key"])
    assert [row["original_url"] for row in rows] == [
        "https://example.org/target", *(f"https://new.example/{number}" for number in range(3)),
    ]  # fmt: skip


def test_limited_views_are_spent_at_both_together(giver: WebServer, taker: WebServer) -> None:
    paste = create_paste(giver.client, text="twice", views=2)
    api_text = f"/api/v1/entries/{paste['key']}/text"

    answers: list[httpx.Response] = [server.client.get(api_text) for server in (taker, giver, taker)]

    assert [answer.status_code for answer in answers] == [200, 200, 410]


def test_clone_without_history_is_told_what_it_lacks() -> None:
    with pytest.raises(AssertionError, match="git fetch --unshallow"), release_before("0" * 40):
        pass
