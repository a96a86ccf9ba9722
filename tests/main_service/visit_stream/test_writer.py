"""The writer of visits: what shares a record, how long visitors wait for Redis, and what waits for its return."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
import redis
from redis.asyncio import Redis

from main_service.engines.redis import RedisClient, Reply
from main_service.resources import open_resources
from main_service.settings import Settings
from main_service.visit_stream.record import EncodedVisit, as_json, encode_visit
from main_service.visit_stream.writer import MAX_VISITS, VisitWriter
from tests.support.engines import Environment
from tests.support.gates import Gated, gated_engines
from tests.support.visits import read_batches, with_own_redis_database
from tests.support.waiting import eventually_async

AT_ONCE_SECONDS = 1.0


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    with gated_engines(with_own_redis_database(environment)) as gates:
        yield gates


@pytest.fixture
def valkey(environment: Environment) -> Iterator["redis.Redis[str]"]:
    """A connection past the gate."""
    with redis.Redis.from_url(
        with_own_redis_database(environment)["MAIN_REDIS_URL"], decode_responses=True
    ) as connection:
        connection.flushdb()
        yield connection


@asynccontextmanager
async def open_writer(gated: Gated, *, buffer: int = 10_000) -> AsyncIterator[VisitWriter]:
    names = {name.removeprefix("MAIN_").lower(): value for name, value in gated.environment.items()}
    fields: dict[str, Any] = {name: value for name, value in names.items() if name in Settings.model_fields}
    async with open_resources(Settings(**fields, visit_buffer=buffer)) as resources:
        yield resources.visit_writer


@pytest.fixture
async def writer(gated: Gated) -> AsyncIterator[VisitWriter]:
    async with open_writer(gated) as visits:
        yield visits


def visit(key: str = "key", *, user_agent: str = "", referrer: str = "") -> EncodedVisit:
    return encode_visit(
        1_700_000_000_000,
        key,
        ip="null",
        visitor="null",
        user_agent=as_json(user_agent),
        referrer=as_json(referrer),
        language='""',
    )


def recording(writer: VisitWriter, count: int, *, first: int = 0) -> list["asyncio.Task[None]"]:
    """So many visits at once, to keys that are numbers."""
    return [asyncio.create_task(writer.record(visit(str(first + number)))) for number in range(count)]


def recorded(valkey: "redis.Redis[str]") -> list[list[str]]:
    """The keys in each record."""
    return [[each.key for each in visits] for _, visits in read_batches(valkey)]


def in_order(valkey: "redis.Redis[str]") -> list[str]:
    return [key for keys in recorded(valkey) for key in keys]


async def in_time(work: Awaitable[object]) -> None:
    """Wait for what must be over at once, with patience for a busy machine."""
    await asyncio.wait_for(asyncio.ensure_future(work), AT_ONCE_SECONDS)


async def fall_behind(writer: VisitWriter) -> None:
    await writer.record(visit("first"))
    assert writer.waiting == 1


async def test_visits_that_come_while_a_record_is_added_share_the_next_one(
    gated: Gated, writer: VisitWriter, valkey: "redis.Redis[str]"
) -> None:
    with gated.valkey.stop_at(b"XADD", hold="request") as stop:
        first = recording(writer, 3)
        await asyncio.to_thread(stop.wait)
        second = recording(writer, 20, first=3)
        await asyncio.sleep(0)
        assert writer.waiting == 23
        assert not any(task.done() for task in first + second)
        stop.release()
        await asyncio.gather(*first, *second)

    assert recorded(valkey) == [[str(n) for n in range(3)], [str(n) for n in range(3, 23)]]
    assert (writer.waiting, writer.dropped) == (0, 0)


async def test_record_has_a_bounded_size(gated: Gated, writer: VisitWriter, valkey: "redis.Redis[str]") -> None:
    await asyncio.gather(*recording(writer, 2 * MAX_VISITS + 1))

    assert [len(keys) for keys in recorded(valkey)] == [MAX_VISITS, MAX_VISITS, 1]


async def test_visitor_who_leaves_is_counted_and_takes_no_other_along(
    gated: Gated, writer: VisitWriter, valkey: "redis.Redis[str]"
) -> None:
    with gated.valkey.stop_at(b"XADD", hold="request") as stop:
        tasks = recording(writer, 3)
        await asyncio.to_thread(stop.wait)
        tasks += recording(writer, 3, first=3)
        await asyncio.sleep(0)
        for leaving in (tasks[0], tasks[4]):
            leaving.cancel()
        stop.release()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [n in (0, 4) for n in range(6)]
    await writer.record(visit("last"))
    assert recorded(valkey) == [["0", "1", "2"], ["3", "4", "5"], ["last"]]


async def test_what_redis_did_not_take_is_added_in_its_order_when_it_is_back(
    gated: Gated, writer: VisitWriter, valkey: "redis.Redis[str]"
) -> None:
    with gated.valkey.refusing():
        await in_time(fall_behind(writer))
        await in_time(asyncio.gather(*recording(writer, MAX_VISITS + 10)))
        assert recorded(valkey) == []
    await eventually_async(lambda: writer.waiting == 0, "no visit that waits")

    assert in_order(valkey) == ["first", *(str(n) for n in range(MAX_VISITS + 10))]
    await writer.record(visit("last"))
    assert recorded(valkey)[-1] == ["last"], "who comes now waits for Redis again"


async def test_visitors_wait_again_for_the_record_after_what_waited(
    gated: Gated, writer: VisitWriter, valkey: "redis.Redis[str]"
) -> None:
    with gated.valkey.stop_at(b"XADD", b"XADD", hold="request") as stop:
        with gated.valkey.refusing():
            await fall_behind(writer)
            await writer.record(visit("second"))
        # The record of the first goes through, that of the second is held.
        await asyncio.to_thread(stop.wait)
        late = asyncio.create_task(writer.record(visit("late")))
        await asyncio.sleep(0.1)
        assert not late.done()
        assert recorded(valkey) == [["first"]]
        stop.release()
        await late

    assert recorded(valkey) == [["first"], ["second"], ["late"]]


async def test_record_whose_answer_was_lost_is_added_again_under_its_id(
    gated: Gated, writer: VisitWriter, valkey: "redis.Redis[str]"
) -> None:
    with gated.valkey.stop_at(b"XADD", hold="answer") as stop:
        tasks = recording(writer, 3)
        await asyncio.to_thread(stop.wait)
        late = recording(writer, 2, first=3)
        await asyncio.gather(*tasks, *late)
        assert writer.waiting == 5, "they were answered without Redis"
        assert recorded(valkey) == [["0", "1", "2"]], "Redis has it all the same"
    await eventually_async(lambda: writer.waiting == 0, "no visit that waits")

    assert recorded(valkey) == [["0", "1", "2"], ["0", "1", "2"], ["3", "4"]]
    (first, _), (again, _), (other, _) = read_batches(valkey)
    assert first == again != other


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


async def test_whatever_goes_wrong_visitors_are_answered(caplog: pytest.LogCaptureFixture) -> None:
    writer = VisitWriter(RedisClient(None), buffer=5)  # type: ignore[arg-type]

    await in_time(asyncio.gather(*recording(writer, 3)))
    await in_time(writer.record(visit()))

    assert writer.waiting == 4
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]
    await writer.close()


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
        async with asyncio.timeout(10):
            async with open_writer(gated) as writer:
                await fall_behind(writer)
                await writer.record(visit("second"))
    assert "0 dropped, 2 still waiting" in caplog.text


async def test_hostile_text_stays_what_it_is(writer: VisitWriter, valkey: "redis.Redis[str]") -> None:
    hostile = '"],["\\ \u2028 \x00 é 😀'

    await writer.record(visit(user_agent=hostile, referrer="half of \ud83d"))

    [recorded] = read_batches(valkey)[-1][1]
    assert (recorded.user_agent, recorded.referrer) == (hostile, "half of ?")
