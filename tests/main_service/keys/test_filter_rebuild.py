"""The membership filter is complete only when it has every key, whatever happens to it meanwhile."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import asyncpg
import httpx
import redis

from main_service.engines.postgres import CONNECT_SECONDS, POOL_WAIT_SECONDS, STATEMENT_SECONDS
from main_service.keys import filter_rebuild
from main_service.keys.bloom import capacity
from main_service.keys.filter_rebuild import FilterRebuild
from tests.support.engines import Environment
from tests.support.entries import create_link, new_alias
from tests.support.gates import Gated
from tests.support.key_filter import (
    NO_CREATE_RUNS,
    REGISTRY,
    bitmap_name,
    clear_cache,
    open_filter,
    rebuild_filter,
    reset_filter,
)
from tests.support.web import WebServer

RESTORE = """
    INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url)
    SELECT $1 || '-' || lpad(n::text, 6, '0'), 'link', 'unlisted', now(), now(), now() + interval '1 hour',
           'https://a.example/'
      FROM generate_series(1, $2) AS n
"""
LONGEST_CREATE = timedelta(seconds=10)
"""How long the creates of this test may take."""


async def test_rebuild_waits_for_a_create_that_has_begun_under_another_filter(
    complete: None, gated: Gated, environment: Environment, client: httpx.Client, valkey: redis.Redis
) -> None:
    alias = new_alias()
    with (
        WebServer(gated.environment) as slow,
        gated.postgres.stop_at(b"INSERT INTO entry", hold="request") as stop,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(create_link, slow.client, alias=alias)
        stop.wait()
        reset_filter(valkey)
        async with open_filter(environment) as known:
            worker = FilterRebuild(longest_create=LONGEST_CREATE)
            for _ in range(3):
                await known.step(worker)
                assert valkey.getbit(bitmap_name(valkey), 0) == 0, "the row is not there yet"
            stop.release()
            assert answer.result()["key"] == alias
            await known.rebuild(worker)

    assert client.get(f"/{alias}").status_code == 302


def test_no_step_of_a_create_takes_longer_than_a_rebuild_waits_for_all() -> None:
    connecting = POOL_WAIT_SECONDS + CONNECT_SECONDS
    # To remember the idempotency key, to insert, to note an invalidation, to commit; asyncpg gives up a second after
    # PostgreSQL.
    statements = 4 * (STATEMENT_SECONDS + 1)

    assert filter_rebuild.LONGEST_CREATE.total_seconds() > connecting + statements


async def test_filter_of_another_run_is_not_asked_and_deleted(
    complete: None, client: httpx.Client, cut_off: WebServer, valkey: redis.Redis
) -> None:
    current = bitmap_name(valkey)
    other = current.replace(valkey.info("server")["run_id"], "0" * 40)
    valkey.rename(current, other)
    valkey.hset(REGISTRY, other, valkey.hget(REGISTRY, current))
    valkey.hdel(REGISTRY, current)
    assert valkey.getbit(other, 0) == 1

    assert cut_off.client.get(f"/{new_alias()}").status_code == 503

    assert not valkey.exists(other)
    assert valkey.getbit(bitmap_name(valkey), 0) == 0


async def test_filter_whose_bitmap_was_deleted_is_not_complete(
    complete: None, cut_off: WebServer, valkey: redis.Redis
) -> None:
    created = valkey.hvals(REGISTRY)
    valkey.delete(bitmap_name(valkey))

    assert cut_off.client.get(f"/{new_alias()}").status_code == 503
    assert valkey.hvals(REGISTRY) != created, "creates may have added keys to the one that is gone"


async def test_filter_that_was_begun_anew_meanwhile_is_not_completed_with_old_bits(
    environment: Environment, client: httpx.Client, valkey: redis.Redis
) -> None:
    create_link(client)
    reset_filter(valkey)
    async with open_filter(environment) as known:
        (old,) = await known.bitmaps.list_all()
        reset_filter(valkey)
        (new,) = await known.bitmaps.list_all()

        assert not await known.bitmaps.complete(old, bytes(100))

        assert await known.bitmaps.list_all() == [new]
        assert not new.is_complete
    assert list(valkey.scan_iter(f"{REGISTRY}:draft:*")) == []


async def test_all_rows_are_known_after_a_rebuild_however_they_came(
    environment: Environment, cut_off: WebServer, valkey: redis.Redis, database: asyncpg.Connection
) -> None:
    """More than one batch of them."""
    prefix = new_alias()
    await database.execute(RESTORE, prefix, 3 * filter_rebuild.KEYS_PER_BATCH)
    reset_filter(valkey)
    await rebuild_filter(environment)

    for number in (
        1,
        filter_rebuild.KEYS_PER_BATCH,
        2 * filter_rebuild.KEYS_PER_BATCH + 1,
        3 * filter_rebuild.KEYS_PER_BATCH,
    ):
        assert cut_off.client.get(f"/{prefix}-{number:06}").status_code == 503
    assert cut_off.client.get(f"/{prefix}-0").status_code == 404


async def test_filter_is_not_completed_with_bits_of_which_some_are_lost(
    gated: Gated, environment: Environment, client: httpx.Client, valkey: redis.Redis
) -> None:
    link = create_link(client)
    reset_filter(valkey)
    with gated.valkey.stop_at(b"SETRANGE", b"SETRANGE", hold="request") as stop:
        work = asyncio.create_task(fill_once(gated.environment))
        await asyncio.to_thread(stop.wait)
        (draft,) = valkey.scan_iter(f"{REGISTRY}:draft:*")
        valkey.delete(draft)
        stop.release()
        await work

    assert valkey.getbit(bitmap_name(valkey), 0) == 0
    await rebuild_filter(environment)
    clear_cache(valkey)
    assert client.get(f"/{link['key']}").status_code == 302


async def fill_once(environment: Environment) -> None:
    async with open_filter(environment) as known:
        await known.step(FilterRebuild(longest_create=NO_CREATE_RUNS))


async def test_filter_grows_while_keys_are_added_to_both_bitmaps(
    environment: Environment, client: httpx.Client, web: WebServer, cut_off: WebServer, valkey: redis.Redis
) -> None:
    for _ in range(2 * capacity(8)):
        create_link(client)
    reset_filter(valkey)
    async with open_filter(environment, first_size=8) as known:
        small = await known.rebuild()
        assert (small.size, small.is_full) == (8, True)
        worker = FilterRebuild(longest_create=NO_CREATE_RUNS)
        await known.step(worker)
        first, second = await known.bitmaps.list_all()
        assert (first, second.is_complete) == (small, False)
        between = create_link(client)
        await known.step(worker)

        (large,) = await known.bitmaps.list_all()

        assert (large.size, large.is_complete, large.is_full) == (second.size, True, False)
        await known.step(worker)
        assert await known.bitmaps.list_all() == [large]
    clear_cache(valkey)
    assert client.get(f"/{between['key']}").status_code == 302
    assert cut_off.client.get(f"/{new_alias()}").status_code == 404
