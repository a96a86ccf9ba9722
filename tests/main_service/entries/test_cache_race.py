"""Cached entries and tombstones in Redis: whatever the order of reads and changes, no reader sees what is no longer
so."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import redis
from redis.asyncio import Redis

from main_service.engines.redis import RedisClient
from main_service.entries.cache import SET_WITHIN, TOMBSTONE_LIFETIME, EntryCache
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind, Visibility
from tests.support.engines import Environment
from tests.support.entries import create_link, manage_headers

MS = timedelta(milliseconds=1)


def cache_key(key: str) -> str:
    return f"entry:{{0}}:{key}"


async def read_row(database: asyncpg.Connection, key: str) -> LiveEntry:
    """What a reader holds between its query and writing the cached entry."""
    row = dict(await database.fetchrow("SELECT * FROM entry WHERE key = $1", key))
    fields = {name: row[name] for name in LiveEntry.__dataclass_fields__}
    return LiveEntry(**fields | {"kind": Kind(row["kind"]), "visibility": Visibility(row["visibility"])})


@pytest.fixture
async def cache(environment: Environment) -> AsyncIterator[EntryCache]:
    """The cache of a reader that can be stopped between its steps."""
    async with Redis.from_url(environment["MAIN_REDIS_URL"]) as connection:
        yield EntryCache(RedisClient(connection))


def change(client: httpx.Client, link: dict[str, Any], **fields: Any) -> None:
    answer = client.patch(f"/api/v1/entries/{link['key']}", json=fields, headers=manage_headers(link))
    assert answer.status_code == 200, answer.text


def is_tombstone(standing: str) -> bool:
    return standing.startswith("[0,")


@pytest.mark.parametrize("found", ["nothing", "tombstone", "other format"])
@pytest.mark.parametrize("others_read", [False, True], ids=["tombstone stands", "tombstone is over"])
async def test_read_that_began_before_a_change_cannot_bring_the_old_value_back(
    cache: EntryCache,
    client: httpx.Client,
    database: asyncpg.Connection,
    valkey: redis.Redis,
    found: str,
    others_read: bool,
) -> None:
    link = create_link(client)
    if found == "tombstone":
        change(client, link, title="once before")
    if found == "other format":
        valkey.set(cache_key(link["key"]), '[5,{"head":"L')
    miss = (await cache.find(link["key"])).miss
    old = await read_row(database, link["key"])
    assert miss is not None
    assert (miss.standing is None) == (found == "nothing")
    change(client, link, original_url="https://new.example/")
    if others_read:
        client.get(f"/{link['key']}")
    standing = valkey.get(cache_key(link["key"]))
    assert is_tombstone(standing) != others_read

    await cache.set_if_absent(old, miss)

    assert valkey.get(cache_key(link["key"])) == standing
    assert client.get(f"/{link['key']}").headers["location"] == "https://new.example/"


@pytest.mark.parametrize("standing", ["tombstone", "other format"])
def test_first_read_after_a_change_or_a_release_leaves_a_copy_for_the_others(
    client: httpx.Client, valkey: redis.Redis, standing: str
) -> None:
    link = create_link(client)
    client.get(f"/{link['key']}")
    cached = valkey.get(cache_key(link["key"]))
    if standing == "tombstone":
        change(client, link, title="New", visibility="public")
        assert is_tombstone(valkey.get(cache_key(link["key"])))
    else:
        valkey.set(cache_key(link["key"]), cached.replace(cached.partition(",")[0], "[5", 1))

    assert client.get(f"/{link['key']}").status_code == 302

    written = valkey.get(cache_key(link["key"]))
    assert written.partition(",")[0] == cached.partition(",")[0]
    assert ("New" in written) == (standing == "tombstone")
    assert valkey.pttl(cache_key(link["key"])) > TOMBSTONE_LIFETIME / MS


async def test_reader_that_is_slower_than_a_tombstone_writes_no_copy(
    cache: EntryCache, client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    link = create_link(client)
    miss = (await cache.find(link["key"])).miss
    row = await read_row(database, link["key"])
    assert miss is not None

    for late_ms in (SET_WITHIN / MS + 1, -60_000):
        await cache.set_if_absent(row, replace(miss, found_ms=miss.found_ms - int(late_ms)))
        assert valkey.get(cache_key(link["key"])) is None
    await cache.set_if_absent(row, miss)
    assert valkey.get(cache_key(link["key"]))


def test_tombstone_lasts_longer_than_any_reader_may_take(client: httpx.Client, valkey: redis.Redis) -> None:
    link = create_link(client)
    change(client, link, title="x")

    assert is_tombstone(valkey.get(cache_key(link["key"])))
    # Those of the previous release may take 5 s by their own clock, and then 2 s to ask.
    assert 7_000 < valkey.pttl(cache_key(link["key"])) <= 10_000


def test_copy_that_would_end_before_a_tombstone_does_not_take_its_place(
    client: httpx.Client, valkey: redis.Redis
) -> None:
    link = create_link(client)
    client.get(f"/{link['key']}")
    change(client, link, expires_in=8)

    assert client.get(f"/{link['key']}").status_code == 302

    assert is_tombstone(valkey.get(cache_key(link["key"])))


def test_tombstone_of_the_release_before_is_left_to_end_by_itself(client: httpx.Client, valkey: redis.Redis) -> None:
    """They are all alike, so no process can tell whether another change has come since one was found."""
    link = create_link(client)
    valkey.set(cache_key(link["key"]), "", px=60_000)

    assert client.get(f"/{link['key']}").status_code == 302

    assert valkey.get(cache_key(link["key"])) == ""
