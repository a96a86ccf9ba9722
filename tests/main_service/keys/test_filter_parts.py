"""A membership filter that is larger than one string of Redis can be."""

from collections.abc import Iterator

import asyncpg
import httpx
import pytest
import redis
from pydantic import SecretStr

from main_service.keys.bloom import FIRST_BIT, LARGEST_PART, KeyHasher, capacity, length_bytes, size_for
from main_service.keys.filter_rebuild import FilterRebuild
from tests.support.engines import SECRET, Environment
from tests.support.entries import create_link, new_alias
from tests.support.key_filter import NO_CREATE_RUNS, REGISTRY, clear_cache, open_filter, reset_filter
from tests.support.web import WebServer


@pytest.fixture
def anew(valkey: redis.Redis) -> Iterator[None]:
    reset_filter(valkey)
    yield
    for name in valkey.hkeys(REGISTRY):
        valkey.unlink(name)
    reset_filter(valkey)


async def test_largest_bitmap_fits_into_a_string_and_the_next_one_does_not(
    anew: None,
    environment: Environment,
    client: httpx.Client,
    valkey: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Half a gigabyte of memory, three times, takes seconds on a busy machine.
    monkeypatch.setattr("main_service.engines.redis.CALL_SECONDS", 60.0)
    async with open_filter(environment) as known:
        await known.bitmaps.begin(LARGEST_PART)
        await known.bitmaps.begin(LARGEST_PART + 1)
        names = [name for name in valkey.hkeys(REGISTRY) if "31" in name.rpartition(":")[2]]
        assert sorted(name.rpartition(":")[2] for name in names) == ["031.0", "031.00", "31"]
        assert {valkey.strlen(name) for name in names} == {length_bytes(LARGEST_PART)}

        link = create_link(client)

        hashed = KeyHasher(SecretStr(SECRET)).hash(link["key"])
        for name in names:
            is_its_part = name.endswith((":31", ":031." + "0" * (hashed.place % 2 + 1)))
            assert [valkey.getbit(name, bit) for bit in hashed.bits(LARGEST_PART)] == [int(is_its_part)] * 10
        last = FIRST_BIT + (1 << LARGEST_PART) - 1
        assert [valkey.setbit(name, last, 1) for name in names] == [0, 0, 0]
        with pytest.raises(redis.ResponseError):
            valkey.setbit(names[0], FIRST_BIT + (1 << LARGEST_PART + 1) - 1, 1)


async def test_filter_grows_into_parts_that_know_every_key_and_no_others(
    anew: None,
    environment: Environment,
    client: httpx.Client,
    cut_off: WebServer,
    valkey: redis.Redis,
    database: asyncpg.Connection,
) -> None:
    """Small ones: the largest string is said to have a quarter of the bits that are needed."""
    before = [create_link(client)["key"] for _ in range(2 * capacity(8))]
    reset_filter(valkey)
    needed = size_for(2 * await database.fetchval("SELECT count(*) FROM entry"), largest=LARGEST_PART)
    async with open_filter(environment, first_size=8, largest_part=needed - 2) as known:
        assert (await known.rebuild()).is_full
        worker = FilterRebuild(longest_create=NO_CREATE_RUNS)
        await known.step(worker)
        size = (await known.bitmaps.list_all())[-1].size
        places = known.bitmaps.places(size)
        assert places > 1
        between = create_link(client)["key"]
        await known.step(worker)
        some = await known.bitmaps.list_all()
        assert [bitmap.is_complete for bitmap in some if bitmap.size == size].count(True) == 1
        assert some[0].size == 8, "what is complete stays until all of the next one is"

        await known.rebuild(worker)

        found = await known.bitmaps.list_all()
        assert [(bitmap.size, bitmap.place) for bitmap in found] == [(size, place) for place in range(places)]
        assert not any(bitmap.is_full for bitmap in found)
    after = create_link(client)["key"]
    clear_cache(valkey)
    for key in (*before[:5], between, after):
        assert client.get(f"/{key}").status_code == 302
    statuses = [cut_off.client.get(f"/{new_alias()}").status_code for _ in range(50)]
    assert statuses.count(404) > 40, "most are told from those that may have been used"


async def test_filter_grows_no_larger_than_it_may(
    anew: None, environment: Environment, client: httpx.Client, valkey: redis.Redis
) -> None:
    for _ in range(4 * capacity(8)):
        create_link(client)
    reset_filter(valkey)
    async with open_filter(environment, first_size=8, largest_part=8, most_bytes=2**9 // 8) as known:
        await known.rebuild()
        for _ in range(4):
            await known.step(FilterRebuild(longest_create=NO_CREATE_RUNS))

        found = await known.bitmaps.list_all()

        assert [(bitmap.size, bitmap.place, bitmap.is_complete) for bitmap in found] == [(9, 0, True), (9, 1, True)]
        assert all(bitmap.is_full for bitmap in found)


async def test_part_that_is_lost_is_begun_and_filled_again(
    anew: None, environment: Environment, client: httpx.Client, valkey: redis.Redis
) -> None:
    link = create_link(client)
    reset_filter(valkey)
    async with open_filter(environment, first_size=8, largest_part=8) as known:
        await known.bitmaps.begin(10)
        await known.rebuild()
        lost = next(name for name in valkey.hkeys(REGISTRY) if name.endswith(".00"))
        valkey.unlink(lost)
        clear_cache(valkey)
        assert client.get(f"/{link['key']}").status_code == 302

        await known.step(FilterRebuild(longest_create=NO_CREATE_RUNS))
        await known.rebuild()

        assert len(await known.bitmaps.list_all()) == 4
    clear_cache(valkey)
    assert client.get(f"/{link['key']}").status_code == 302
