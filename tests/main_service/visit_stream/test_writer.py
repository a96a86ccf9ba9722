"""The writer of visits: what shares a record, how long visitors wait for Redis, and what waits for its return."""

import asyncio
import logging

import pytest
import redis

from main_service.engines.redis import RedisClient
from main_service.visit_stream.writer import MAX_VISITS, VisitWriter
from tests.main_service.visit_stream.writing import (
    fall_behind,
    in_order,
    in_time,
    recorded,
    recording,
    visit,
)
from tests.support.gates import Gated
from tests.support.visits import read_batches
from tests.support.waiting import eventually_async


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


async def test_whatever_goes_wrong_visitors_are_answered(caplog: pytest.LogCaptureFixture) -> None:
    writer = VisitWriter(RedisClient(None), buffer=5)  # type: ignore[arg-type]

    await in_time(asyncio.gather(*recording(writer, 3)))
    await in_time(writer.record(visit()))

    assert writer.waiting == 4
    assert [record.levelno for record in caplog.records if record.exc_info] == [logging.ERROR]
    await writer.close()


async def test_hostile_text_stays_what_it_is(writer: VisitWriter, valkey: "redis.Redis[str]") -> None:
    hostile = '"],["\\ \u2028 \x00 é 😀'

    await writer.record(visit(user_agent=hostile, referrer="half of \ud83d"))

    [recorded] = read_batches(valkey)[-1][1]
    assert (recorded.user_agent, recorded.referrer) == (hostile, "half of ?")
