"""A batch that can't be stored keeps no others waiting, and becomes a dead letter when it has failed often enough."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import pytest
import redis

from tests.support.engines import REPOSITORY, Environment
from tests.support.visits import (
    DEAD_LETTERS,
    STREAM,
    add_batch,
    ingest,
    insert_link,
    remaining_records,
    visit_counts,
    visit_to,
)

FAILURES = "visits:{0}:failures"

Refuse = Callable[..., Awaitable[None]]
"""Lets PostgreSQL refuse the visits to a key with an SQLSTATE (any that means a wrong row, if none is given)."""


@asynccontextmanager
async def refusing(database: asyncpg.Connection, key: str, sqlstate: str) -> AsyncIterator[None]:
    name = f"refuse_{key.removeprefix('v-')}"
    await database.execute(
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'refused %', NEW.ip USING ERRCODE = '{sqlstate}'; END $$
        """
    )
    await database.execute(
        f"CREATE TRIGGER {name} BEFORE INSERT ON visit FOR EACH ROW WHEN (NEW.key = '{key}') EXECUTE FUNCTION {name}()"
    )
    try:
        yield
    finally:
        await database.execute(f"DROP TRIGGER IF EXISTS {name} ON visit")
        await database.execute(f"DROP FUNCTION {name}")


@pytest.fixture
async def refuse(database: asyncpg.Connection, valkey: redis.Redis) -> AsyncIterator[Refuse]:
    async with AsyncExitStack() as stack:

        async def begin(key: str, sqlstate: str = "23514") -> None:
            await stack.enter_async_context(refusing(database, key, sqlstate))

        yield begin
    # What a test has left must not become the next one's.
    valkey.delete(STREAM, DEAD_LETTERS, FAILURES)


async def test_others_of_its_transaction_are_counted_at_once(
    environment: Environment,
    database: asyncpg.Connection,
    valkey: redis.Redis,
    refuse: Refuse,
    caplog: pytest.LogCaptureFixture,
) -> None:
    good, bad = await insert_link(database), await insert_link(database)
    await refuse(bad)
    add_batch(valkey, [visit_to(good)])
    add_batch(valkey, [visit_to(good), visit_to(bad, ip="203.0.113.77")])
    add_batch(valkey, [visit_to(good)])

    assert await ingest(environment) == 2

    assert await visit_counts(database, good) == (2, 0)
    assert await visit_counts(database, bad) == (0, 0)
    assert remaining_records(valkey) == (1, 1)
    assert not valkey.xlen(DEAD_LETTERS)
    assert "CheckViolationError 23514" in caplog.text
    assert "203.0.113.77" not in caplog.text


async def test_third_failure_makes_it_a_dead_letter_and_it_can_be_put_back(
    environment: Environment,
    database: asyncpg.Connection,
    valkey: redis.Redis,
    refuse: Refuse,
    caplog: pytest.LogCaptureFixture,
) -> None:
    good, bad = await insert_link(database), await insert_link(database)
    await refuse(bad)
    batch_id = add_batch(valkey, [visit_to(bad), visit_to(bad)])
    for round_ in range(1, 4):
        assert remaining_records(valkey)[0] == 1
        add_batch(valkey, [visit_to(good)])
        assert await ingest(environment) == 1
        assert await visit_counts(database, good) == (round_, 0)

    assert remaining_records(valkey) == (0, 0)
    [(_, fields)] = valkey.xrange(DEAD_LETTERS)
    assert fields["id"] == str(batch_id)
    assert "is a dead letter" in caplog.text

    await database.execute(f"DROP TRIGGER refuse_{bad.removeprefix('v-')} ON visit")
    put_back = re.search(r'valkey-cli EVAL "(.+)" 2 ', (REPOSITORY / "docs/operating.md").read_text())
    assert put_back
    valkey.eval(put_back[1], 2, DEAD_LETTERS, STREAM)
    assert await ingest(environment) == 2

    assert await visit_counts(database, bad) == (2, 0)
    assert not valkey.xlen(DEAD_LETTERS)


async def test_nothing_becomes_a_dead_letter_while_nothing_can_be_stored(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, refuse: Refuse
) -> None:
    keys = [await insert_link(database) for _ in range(2)]
    for key in keys:
        await refuse(key)
        add_batch(valkey, [visit_to(key)])
    for _ in range(5):
        assert await ingest(environment) == 0

    assert remaining_records(valkey) == (2, 2)
    assert not valkey.exists(DEAD_LETTERS, FAILURES)


async def test_deadlock_is_no_fault_of_a_batch(
    environment: Environment, database: asyncpg.Connection, valkey: redis.Redis, refuse: Refuse
) -> None:
    good, bad = await insert_link(database), await insert_link(database)
    await refuse(bad, "40P01")
    add_batch(valkey, [visit_to(bad)])
    add_batch(valkey, [visit_to(good)])

    with pytest.raises(asyncpg.DeadlockDetectedError):
        await ingest(environment)

    assert remaining_records(valkey) == (2, 2)
    assert not valkey.exists(FAILURES)
