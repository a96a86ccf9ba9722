"""The clean-up with more than one batch, twice at once, and beside a transaction that holds rows."""

import asyncio
import os
import re
import time
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.database import connected, wait_for_blocked_statements
from tests.support.engines import Environment, run_main
from tests.support.entries import ago, ended, insert_paste

DAY_SECONDS = 86_400
WAIT_SECONDS = 60
EXPIRED = 3_000
UNFINISHED = 2_000


@pytest.fixture
def environment(archive_environment: Environment, archive: asyncpg.Connection) -> Environment:
    """Nothing is left of the test before."""
    return archive_environment


async def test_one_more_than_a_batch_of_queued_texts_is_deleted(
    environment: Environment, archive: asyncpg.Connection
) -> None:
    body_ids = [uuid4() for _ in range(1_001)]
    for body_id in body_ids:
        write(text_file(environment, body_id))
    await archive.execute("INSERT INTO body_to_delete (body_id) SELECT unnest($1::uuid[])", body_ids)

    assert clean_up(environment) == (0, 1_001, 0, 0)

    assert files(environment) == set()
    assert await archive.fetchval("SELECT count(*) FROM body_to_delete") == 0


async def test_texts_are_noted_as_deleted_in_the_order_in_which_entries_are_locked(
    environment: Environment, archive: asyncpg.Connection
) -> None:
    """Deleting an account locks ended entries too; in another order, the clean-up and it could deadlock."""
    low_id, high_id = sorted([uuid4(), uuid4()])
    # So that neither the rows nor the texts lie in the order of the keys.
    last = await insert_paste(archive, key=f"z-{uuid4().hex}", body_id=low_id, **ended(ago(minutes=1)))
    first = await insert_paste(archive, key=f"a-{uuid4().hex}", body_id=high_id, **ended(ago(minutes=1)))
    await archive.execute("INSERT INTO body_to_delete (body_id) SELECT unnest($1::uuid[])", [low_id, high_id])
    async with connected(environment) as other, other.transaction():
        await other.execute("SELECT FROM entry WHERE key = $1 FOR UPDATE", first)
        cleaning = asyncio.create_task(asyncio.to_thread(clean_up, environment))
        await wait_for_blocked_statements(archive, 1)
        await archive.execute("SELECT FROM entry WHERE key = $1 FOR UPDATE NOWAIT", last)

    assert (await cleaning)[1] == 2


async def test_two_at_once_share_the_work_and_do_it_once(environment: Environment, archive: asyncpg.Connection) -> None:
    body_ids = [uuid4() for _ in range(EXPIRED)]
    for body_id in body_ids:
        write(text_file(environment, body_id))
    for _ in range(UNFINISHED):
        write(unfinished_file(environment), age_seconds=2 * DAY_SECONDS)
    await insert_expired(archive, body_ids)

    # Both wait for the table before they begin, so they run at the same time on any machine.
    async with archive.transaction():
        await archive.execute("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE")
        cleanings = [asyncio.create_task(asyncio.to_thread(clean_up, environment)) for _ in range(2)]
        await wait_for_blocked_statements(archive, len(cleanings))
    counts = [await cleaning for cleaning in cleanings]

    together = [sum(step) for step in zip(*counts, strict=True)]
    assert together == [EXPIRED, EXPIRED, EXPIRED, UNFINISHED], counts
    assert files(environment) == set()
    assert await archive.fetchval("SELECT count(*) FROM body_to_delete") == 0
    rows = await archive.fetch("SELECT * FROM entry WHERE archival_reason = 'expired' AND body_id IS NULL")
    assert len(rows) == EXPIRED
    assert all(row["ended_at"] == row["expires_at"] for row in rows)
    await archive.execute("DELETE FROM entry")


async def test_text_that_is_still_being_written_stays(environment: Environment) -> None:
    young, old = unfinished_file(environment), unfinished_file(environment)
    write(young)
    write(old, age_seconds=2 * DAY_SECONDS)

    assert clean_up(environment) == (0, 0, 0, 1)

    assert files(environment) == {young}
    young.unlink()


async def test_locked_ended_entry_is_emptied_by_the_next_run(
    environment: Environment, archive: asyncpg.Connection
) -> None:
    prefix = uuid4().hex[:8]
    await archive.execute(
        """
        INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url,
                           ended_at, archival_reason)
        SELECT $1 || '-' || number, 'link', 'unlisted', now(), now(), now() + interval '1 day', 'https://example.org/',
               now(), 'deleted'
        FROM generate_series(1, 3) AS number
        """,
        prefix,
    )
    async with connected(environment) as holder, holder.transaction():
        await holder.execute("SELECT 1 FROM entry WHERE key = $1 FOR UPDATE", f"{prefix}-2")

        assert clean_up(environment) == (0, 0, 2, 0)

        full_keys = await archive.fetch("SELECT key FROM entry WHERE original_url IS NOT NULL")
        assert [row["key"] for row in full_keys] == [f"{prefix}-2"]
    assert clean_up(environment) == (0, 0, 1, 0)


async def test_locked_queued_text_is_deleted_by_the_next_run(
    environment: Environment, archive: asyncpg.Connection
) -> None:
    held, free = uuid4(), uuid4()
    for body_id in (held, free):
        write(text_file(environment, body_id))
        await archive.execute("INSERT INTO body_to_delete (body_id) VALUES ($1)", body_id)
    async with connected(environment) as holder, holder.transaction():
        await holder.execute("SELECT 1 FROM body_to_delete WHERE body_id = $1 FOR UPDATE", held)

        assert clean_up(environment) == (0, 1, 0, 0)

        assert files(environment) == {text_file(environment, held)}
    assert clean_up(environment) == (0, 1, 0, 0)
    assert files(environment) == set()


def clean_up(environment: Environment) -> tuple[int, ...]:
    """Ended, texts deleted, emptied, orphans deleted."""
    return figures(run_main("cleanup", environment=environment))


def figures(printed: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", printed))[:4]


async def insert_expired(archive: asyncpg.Connection, body_ids: list[UUID]) -> None:
    await archive.execute(
        """
        INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, body_id, size_bytes)
        SELECT 'expired-' || body_id, 'paste', 'unlisted', now(), now(), now() - interval '1 s', body_id, 1
        FROM unnest($1::uuid[]) AS body_id
        """,
        body_ids,
    )


def store_folder(environment: Environment) -> Path:
    return Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://"))


def text_file(environment: Environment, body_id: UUID) -> Path:
    return store_folder(environment) / body_id.hex[:2] / str(body_id)


def unfinished_file(environment: Environment) -> Path:
    """The path of a file that a put has not finished."""
    return store_folder(environment) / "ab" / f"{uuid4()}#1"


def write(path: Path, *, age_seconds: float = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    written_at = time.time() - age_seconds
    os.utime(path, (written_at, written_at))


def files(environment: Environment) -> set[Path]:
    return {file for file in store_folder(environment).rglob("*") if file.is_file()}
