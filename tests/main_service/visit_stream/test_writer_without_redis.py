"""The writer of visits while Redis is away: how many visits wait, how long, and what is dropped."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest
import redis
from redis.asyncio import Redis

from main_service.engines.redis import RedisClient, Reply
from main_service.visit_stream.writer import VisitWriter
from tests.main_service.visit_stream.writing import (
    HANGS_SECONDS,
    fall_behind,
    in_order,
    in_time,
    open_writer,
    recorded,
    recording,
    visit,
)
from tests.support.gates import Gated
from tests.support.waiting import eventually_async


async def test_only_so_many_wait_and_the_rest_is_counted_as_dropped(
    gated: Gated, valkey: "redis.Redis[str]", caplog: pytest.LogCaptureFixture
) -> None:
    async with open_writer(gated, buffer=10) as writer:
        with gated.valkey.refusing():
            # Those of the record that fails, those that share the next, and those that find Redis away.
            await asyncio.gather(*recording(writer, 6))
            await asyncio.gather(*recording(writer, 14, first=6))
            assert (writer.waiting, writer.dropped) == (10, 10)
        await eventually_async(lambda: writer.waiting == 0, "no visit that waits")
        with gated.valkey.refusing():
            await asyncio.gather(*recording(writer, 25, first=20))
            assert (writer.waiting, writer.dropped) == (10, 25)
        await eventually_async(lambda: writer.waiting == 0, "no visit that waits")

    assert in_order(valkey) == [str(n) for n in (*range(10), *range(20, 30))]
    told = [record for record in caplog.records if "dropped: Redis takes none" in record.getMessage()]
    assert len(told) == 1, "once a minute"


async def test_gathered_visits_wait_too_and_are_dropped_where_there_is_no_room(
    gated: Gated, valkey: "redis.Redis[str]"
) -> None:
    async with open_writer(gated, buffer=3) as writer:
        batch = writer.gather_unconfirmed(str(uuid4()), "connection")
        assert batch.at(1).add(visit("lost"))
        assert (writer.waiting, writer.dropped) == (1, 0)
        with gated.valkey.refusing():
            await writer.record(visit("first"))
            await writer.record(visit("second"))
            assert batch.at(2).add(visit("too many"))
            await writer.record(visit("too many"))
            assert (writer.waiting, writer.dropped) == (3, 2)
        await eventually_async(lambda: writer.waiting == 0, "no visit that waits")

    assert sorted(in_order(valkey)) == ["first", "lost", "second"]
    assert writer.waiting_bytes == 0


async def test_only_so_many_bytes_wait_whatever_their_number(gated: Gated, valkey: "redis.Redis[str]") -> None:
    async with Redis.from_url(gated.environment["MAIN_REDIS_URL"]) as connection:
        writer = VisitWriter(RedisClient(connection), buffer=10_000, most_bytes=10_000)
        with gated.valkey.refusing():
            # Those of the record that fails, those that share the next, and those that find Redis away.
            await asyncio.gather(*(writer.record(visit(str(number), referrer="x" * 900)) for number in range(6)))
            await asyncio.gather(*(writer.record(visit(str(number), referrer="é" * 450)) for number in range(6, 20)))
            assert (writer.waiting, writer.dropped) == (10, 10)
            assert 9_000 < writer.waiting_bytes <= 10_000
            await writer.record(visit("short"))
            assert (writer.waiting, writer.dropped) == (11, 10), "there is still room for a short one"
        await eventually_async(lambda: writer.waiting == 0, "no visit that waits")
        assert writer.waiting_bytes == 0
        with gated.valkey.refusing():
            await asyncio.gather(*(writer.record(visit(str(number), referrer="x" * 900)) for number in range(20, 45)))
            assert (writer.waiting, writer.dropped) == (10, 25)
        await eventually_async(lambda: writer.waiting == 0, "no visit that waits")
        await writer.close()

    assert in_order(valkey) == [*(str(n) for n in range(10)), "short", *(str(n) for n in range(20, 30))]


async def test_without_any_buffer_no_visit_waits(gated: Gated, valkey: "redis.Redis[str]") -> None:
    async with open_writer(gated, buffer=0) as writer:
        with gated.valkey.refusing():
            for _ in range(20):
                await in_time(writer.record(visit()))
        assert (writer.waiting, writer.dropped) == (0, 20)


class CountingRedis(RedisClient):
    calls = 0

    async def call(self, command: Callable[[Redis], Awaitable[Reply]], *, bypass_breaker: bool = False) -> Reply:
        self.calls += 1
        return await super().call(command, bypass_breaker=bypass_breaker)


async def test_redis_that_is_away_is_asked_about_once_a_second() -> None:
    redis_client = CountingRedis(Redis.from_url("unix:///nowhere/valkey.sock"))
    writer = VisitWriter(redis_client, buffer=10)
    await fall_behind(writer)
    await asyncio.sleep(2.5)
    assert 2 <= redis_client.calls <= 4
    await writer.close()
    assert writer.waiting == 1


async def test_what_waits_at_the_end_is_added_then(gated: Gated, valkey: "redis.Redis[str]") -> None:
    async with open_writer(gated) as writer:
        with gated.valkey.refusing():
            await fall_behind(writer)
            await writer.record(visit("second"))
    assert recorded(valkey) == [["first"], ["second"]]


@pytest.mark.parametrize("manner", ["refusing", "hanging"])
async def test_end_does_not_wait_long_for_a_redis_that_is_away(
    gated: Gated, valkey: "redis.Redis[str]", caplog: pytest.LogCaptureFixture, manner: str
) -> None:
    with gated.valkey.refusing() if manner == "refusing" else gated.valkey.hanging():
        async with asyncio.timeout(HANGS_SECONDS):
            async with open_writer(gated) as writer:
                await fall_behind(writer)
                await writer.record(visit("second"))
    assert "0 dropped, 2 still waiting" in caplog.text
