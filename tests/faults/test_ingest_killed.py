"""`kill -9` of the ingest at each of its steps, and two of them at once: no visit is lost and none counts twice."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import pytest
import redis

from main_service.errors import DatabaseUnavailableError
from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full
from tests.support.gates import Gated, Hold
from tests.support.visits import (
    GOOGLEBOT,
    STREAM,
    add_batch,
    ingest,
    insert_link,
    remaining_records,
    visit_counts,
    visit_to,
)
from tests.support.web import Process
from tests.support.workers import code_of, main_worker, send_task

ROUND = code_of("ingest_visits")

STEPS = [
    ("valkey", (b"XREADGROUP",), "request"),
    ("valkey", (b"XREADGROUP",), "answer"),
    ("postgres", (b"INSERT INTO visit_batch",), "request"),
    ("postgres", (b"INSERT INTO visit_batch",), "answer"),
    ("valkey", (b"PFADD",), "request"),
    ("valkey", (b"PFADD",), "answer"),
    ("postgres", (b"COPY ",), "request"),
    ("postgres", (b"COPY ",), "answer"),
    ("postgres", (b"INSERT INTO visit_hour",), "answer"),
    ("postgres", (b"INSERT INTO visit_day_value",), "answer"),
    ("postgres", (b"UPDATE entry",), "answer"),
    ("postgres", (b"UPDATE entry", b"COMMIT"), "request"),
    ("postgres", (b"UPDATE entry", b"COMMIT"), "answer"),
    ("valkey", (b"XACK",), "request"),
    ("valkey", (b"XACK",), "answer"),
]


@contextmanager
def a_round(environment: Environment) -> Iterator[Process]:
    """A round of the task in a process of its own, killed at the end if it still runs."""
    process = forking.start("-c", ROUND, environment=full(environment))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("part", "said", "hold"), STEPS)
async def test_round_that_was_killed_is_done_by_the_next_one(
    gated: Gated,
    environment: Environment,
    database: asyncpg.Connection,
    valkey: redis.Redis,
    part: str,
    said: tuple[bytes, ...],
    hold: Hold,
) -> None:
    await ingest(environment)
    keys = [await insert_link(database) for _ in range(3)]
    for _ in range(10):
        add_batch(valkey, [visit_to(key, user_agent=agent) for key in keys for agent in ("", GOOGLEBOT)])
        add_batch(valkey, [visit_to(key) for key in keys])
    gate = gated.valkey if part == "valkey" else gated.postgres

    with gate.stop_at(*said, hold=hold) as stop, a_round(gated.environment) as process:
        stop.wait()
        process.kill()
        process.wait()

    # What comes meanwhile is not forgotten over what was left.
    add_batch(valkey, [visit_to(key) for key in keys])
    await wait_for_the_lock_to_be_free(database)
    await ingest(environment)
    assert [await visit_counts(database, key) for key in keys] == [(11, 20)] * 3
    assert remaining_records(valkey) == (0, 0)
    assert await ingest(environment) == 0


async def test_second_ingest_leaves_the_work_to_the_first(
    gated: Gated, environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    await ingest(environment)
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])

    with (
        gated.postgres.stop_at(b"UPDATE entry", b"COMMIT", hold="request") as stop,
        a_round(gated.environment) as process,
    ):
        stop.wait()
        add_batch(valkey, [visit_to(key)])
        assert await ingest(environment) == 0
        assert valkey.xlen(STREAM) == 2
        stop.release()
        assert process.wait(START_SECONDS) == 0

    await ingest(environment)
    assert await visit_counts(database, key) == (2, 0)
    assert remaining_records(valkey) == (0, 0)


async def test_second_ingest_counts_nothing_that_the_first_has_just_counted(
    gated: Gated, environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    await ingest(environment)
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])

    with gated.valkey.stop_at(b"XACK", hold="request") as stop, a_round(gated.environment) as process:
        stop.wait()
        add_batch(valkey, [visit_to(key)])
        assert await ingest(environment) == 1
        stop.release()
        assert process.wait(START_SECONDS) == 0

    assert await visit_counts(database, key) == (2, 0)
    assert remaining_records(valkey) == (0, 0)


async def test_four_ingests_at_once_count_everything_once(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    keys = [await insert_link(database) for _ in range(20)]
    batch = [visit_to(key) for key in keys]
    with valkey.pipeline(transaction=False) as pipe:
        for _ in range(3_000):
            add_batch(pipe, batch)
        pipe.execute()

    with ExitStack() as stack:
        processes = [stack.enter_context(a_round(environment)) for _ in range(4)]
        assert [process.wait(START_SECONDS) for process in processes] == [0] * 4

    await ingest(environment)
    assert [await visit_counts(database, key) for key in keys] == [(3_000, 0)] * 20
    assert remaining_records(valkey) == (0, 0)


async def test_change_of_an_entry_waits_for_no_more_than_the_end_of_an_ingest(
    gated: Gated, environment: Environment, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    """The last statement of an ingest is the only one that locks the entry's row."""
    await ingest(environment)
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])

    with (
        gated.postgres.stop_at(b"INSERT INTO visit_day_value", hold="answer") as stop,
        a_round(gated.environment) as process,
    ):
        stop.wait()
        await database.execute("SET lock_timeout = '5s'")
        await database.execute("UPDATE entry SET title = 'changed' WHERE key = $1", key)
        stop.release()
        assert process.wait(START_SECONDS) == 0

    assert await visit_counts(database, key) == (1, 0)


@pytest.mark.parametrize(
    "said", [b"INSERT INTO visit_batch", b"COPY ", b"INSERT INTO visit_day_value", b"UPDATE entry"]
)
async def test_round_that_loses_postgres_on_its_way_leaves_all_to_the_next_one(
    gated: Gated, environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, said: bytes
) -> None:
    await ingest(environment)
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])

    with gated.postgres.stop_at(said, hold="answer") as stop:
        ingesting = asyncio.create_task(ingest(gated.environment))
        await asyncio.to_thread(stop.wait)
        with gated.postgres.refusing():
            stop.release()
            with pytest.raises(DatabaseUnavailableError):
                await ingesting

    await wait_for_the_lock_to_be_free(database)
    assert await ingest(environment) == 1
    assert await visit_counts(database, key) == (1, 0)


async def test_worker_ingests_what_its_beat_asks_for(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, tmp_path: Path
) -> None:
    await ingest(environment)
    key = await insert_link(database)
    add_batch(valkey, [visit_to(key)])

    with main_worker(environment, tmp_path / "log") as worker:
        send_task("main_service.ingest_visits", environment=environment)
        worker.wait_for("Ingested 1 visits")
        send_task("main_service.keep_partitions", environment=environment)
        worker.wait_for("Months of visits")

    assert await visit_counts(database, key) == (1, 0)


async def wait_for_the_lock_to_be_free(database: asyncpg.Connection) -> None:
    """PostgreSQL finds out a moment later that a client was killed."""
    await database.execute("SELECT pg_advisory_lock(5710264840), pg_advisory_unlock(5710264840)")
