"""A batch whose reply was lost: each of its visits counts once, whatever Redis did and does, and in what order."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import permutations
from uuid import uuid4

import pytest
import redis
from redis.asyncio import Redis

from main_service.entries.cache import cache_key, pack, page_tag
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind, Visibility
from main_service.fast_path.batch import ReadBatcher
from main_service.visit_stream.pending import UnconfirmedBatch, left_out_name
from main_service.visit_stream.record import FORMAT, STREAM, EncodedVisit, encode_visit
from tests.support.engines import Environment
from tests.support.live_entries import new_live_entry
from tests.support.visits import count_streamed_visits, read_batches, with_own_redis_database

HERS, HIS, THEIRS = "hers", "his", "theirs"
CONNECTION = "a-connection"


@pytest.fixture
async def asynchronous(environment: Environment) -> AsyncIterator[Redis]:
    async with Redis.from_url(with_own_redis_database(environment)["MAIN_REDIS_URL"]) as connection:
        yield connection


def visit(key: str) -> EncodedVisit:
    return encode_visit(
        1_700_000_000_000, key, ip="null", visitor="null", user_agent='""', referrer='""', language='""'
    )


def write_to_cache(valkey: "redis.Redis[str]", key: str, *, kind: Kind = Kind.LINK) -> LiveEntry:
    entry = new_live_entry(kind, key=key, visibility=Visibility.PUBLIC, visit_count=None)
    valkey.set(cache_key(key), pack(entry))
    return entry


def run_script(valkey: "redis.Redis[str]", batch_id: str, keys: list[str], *, tags: Sequence[str] = ()) -> None:
    """What the fast path asks for when these links are followed. `tags`: of pages, which are the last of the keys."""
    names = [STREAM, left_out_name(CONNECTION), *map(cache_key, keys)]
    links = len(keys) - len(tags)
    arguments = [batch_id, FORMAT, 1_700_000_000_000, links, links, *map(visit, keys), *tags]
    valkey.eval(ReadBatcher.SCRIPT, len(names), *names, *arguments)


def gathered(batch_id: str, keys: list[str]) -> UnconfirmedBatch:
    """The visits of readers who were answered without the batch, in another order than they had there."""
    batch = UnconfirmedBatch(batch_id, CONNECTION, on_gathered=lambda _: None)
    for position, key in sorted(enumerate(keys, start=1), reverse=True):
        assert batch.at(position).add(visit(key))
    return batch


@pytest.mark.parametrize("cached", [(), (HERS,), (HERS, THEIRS), (HERS, HIS, THEIRS)], ids=len)
@pytest.mark.parametrize("order", sorted({*permutations(["script", "add", "add"]), ("add",), ("script", "add")}))
async def test_every_visit_counts_once(
    valkey: "redis.Redis[str]", asynchronous: Redis, order: tuple[str, ...], cached: tuple[str, ...]
) -> None:
    """Redis may run what it was sent in any order, and what gets no reply is sent again."""
    for key in cached:
        write_to_cache(valkey, key)
    batch_id, keys = str(uuid4()), [HERS, HIS, THEIRS, HIS]
    batch = gathered(batch_id, keys)
    for step in order:
        if step == "script":
            run_script(valkey, batch_id, keys)
        else:
            await batch.add(asynchronous)
    assert count_streamed_visits(valkey, keys) == Counter(keys)


@pytest.mark.parametrize("order", sorted({*permutations(["script", "add", "add"]), ("add",), ("script", "add")}))
async def test_visit_to_a_page_counts_once_whether_its_tag_is_right_or_not(
    valkey: "redis.Redis[str]", asynchronous: Redis, order: tuple[str, ...]
) -> None:
    """A page that has changed is left out, and so is one for which there is a link, or nothing."""
    write_to_cache(valkey, HERS)
    tags = [page_tag(write_to_cache(valkey, key, kind=Kind.PASTE)) for key in (HIS, THEIRS)]
    batch_id, keys = str(uuid4()), [HERS, HIS, HIS, THEIRS, HERS, "never"]
    batch = gathered(batch_id, keys)
    for step in order:
        if step == "script":
            run_script(valkey, batch_id, keys, tags=[tags[0], "old".ljust(16), tags[1], tags[0], tags[1]])
        else:
            await batch.add(asynchronous)
    assert count_streamed_visits(valkey, keys) == Counter(keys)


async def test_what_an_earlier_batch_left_out_says_nothing_of_this_one(
    valkey: "redis.Redis[str]", asynchronous: Redis
) -> None:
    write_to_cache(valkey, HERS)
    run_script(valkey, str(uuid4()), [HIS, HERS])
    batch_id = str(uuid4())
    run_script(valkey, batch_id, [HERS, HERS])
    await gathered(batch_id, [HERS, HERS]).add(asynchronous)
    assert count_streamed_visits(valkey, [HERS, HIS]) == {HERS: 3}


async def test_visits_that_were_dropped_for_room_are_the_newest(
    valkey: "redis.Redis[str]", asynchronous: Redis
) -> None:
    batch = UnconfirmedBatch(str(uuid4()), CONNECTION, on_gathered=lambda _: None)
    for position, key in enumerate([HERS, HIS, THEIRS], start=1):
        batch.at(position).add(visit(key))
    assert batch.drop_last() == len(visit(THEIRS))
    await batch.add(asynchronous)
    assert count_streamed_visits(valkey, [HERS, HIS, THEIRS]) == Counter([HERS, HIS])


def test_script_writes_what_it_left_out_only_of_a_record_that_lacks_something(valkey: "redis.Redis[str]") -> None:
    for copied, writes in ([], False), ([HERS, HIS], False), ([HERS], True):
        valkey.flushdb()
        for key in copied:
            write_to_cache(valkey, key)
        run_script(valkey, str(uuid4()), [HERS, HIS])
        assert len(read_batches(valkey)) == bool(copied)
        assert valkey.exists(left_out_name(CONNECTION)) == writes
