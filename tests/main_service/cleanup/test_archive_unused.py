"""Unused entries end, for every reader at once; used ones stay."""

from pathlib import Path

import asyncpg
import httpx
import pytest
import redis

from tests.support.accounts import insert_owner
from tests.support.database import connected
from tests.support.engines import Environment
from tests.support.entries import ago, create_link, create_paste, find_entry, insert_entry, insert_paste
from tests.support.gates import Gated, Hold, gated_engines
from tests.support.workers import main_worker, run_task, send_task

UNUSED = 3_000
DAYS = 90


def archive_unused(environment: Environment) -> None:
    settings = environment | {"MAIN_UNUSED_DAYS": str(DAYS)}
    run_task("archive_unused", environment=settings)


async def reason_of(database: asyncpg.Connection, key: str) -> str | None:
    reason: str | None = (await find_entry(database, key))["archival_reason"]
    return reason


async def insert_unused(database: asyncpg.Connection) -> list[str]:
    """Links of guests and users, with and without end, the last visit or change 93 to 3,092 days ago."""
    owner = await insert_owner(database)
    rows = await database.fetch(
        """
        INSERT INTO entry (key, kind, visibility, created_at, updated_at, last_visit_at, expires_at, original_url,
                           owner_id)
        SELECT 'unused-' || number, 'link', 'unlisted', now() - interval '20 years',
               now() - (number + 92) * interval '1 day',
               CASE WHEN number % 2 = 0 THEN now() - (number + 96) * interval '1 day' END,
               CASE WHEN number % 3 > 0 THEN now() + interval '1 day' END, 'https://example.org/',
               CASE WHEN number % 3 < 2 THEN $1::uuid END
        FROM generate_series(1, $2) AS number
        RETURNING key
        """,
        owner,
        UNUSED,
    )
    return [row["key"] for row in rows]


async def test_unused_entries_end_in_batches_for_every_reader_at_once_and_used_neighbours_stay(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection
) -> None:
    keys = await insert_unused(archive)
    with_copy = keys[:: UNUSED // 50]
    for key in with_copy:
        assert archive_client.get(f"/{key}").status_code == 302
    # Reading may have been written down.
    await archive.execute("UPDATE entry SET used_at = NULL")
    neighbour = create_link(archive_client)
    assert archive_client.get(f"/{neighbour['key']}").status_code == 302
    visited = await insert_entry(archive, updated_at=ago(days=900), last_visit_at=ago(days=DAYS - 1))
    used = await insert_entry(archive, updated_at=ago(days=900), used_at=ago(days=DAYS - 1))
    changed = await insert_entry(archive, updated_at=ago(days=DAYS - 1), last_visit_at=ago(days=900))

    archive_unused(archive_environment)

    for key in with_copy:
        answer = archive_client.get(f"/{key}")
        assert (answer.status_code, answer.json()["reason"]) == (410, "unused")
        assert "wasn't used for a long time" in answer.json()["detail"]
    rows = await archive.fetch("SELECT key, archival_reason, ended_at FROM entry WHERE ended_at IS NOT NULL")
    assert {row["key"] for row in rows} == set(keys)
    assert {row["archival_reason"] for row in rows} == {"unused"}
    assert len({row["ended_at"] for row in rows}) == 3, "one transaction for each batch"
    assert await archive.fetchval("SELECT count(*) FROM stale_key") == UNUSED
    for key in (neighbour["key"], visited, used, changed):
        assert archive_client.get(f"/{key}").status_code == 302


async def test_last_use_is_known_to_two_days_and_the_doubt_is_for_the_entry(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    """Readers write down once a day that they came, and may leave a cached entry for a day whose readers don't."""
    in_doubt = [
        await insert_entry(archive, updated_at=ago(days=900), last_visit_at=ago(days=DAYS + 1, hours=23)),
        await insert_entry(archive, updated_at=ago(days=900), used_at=ago(days=DAYS + 1, hours=23)),
        await insert_entry(archive, updated_at=ago(days=DAYS + 1, hours=23)),
    ]
    long_ago = ago(days=DAYS + 2, hours=1)
    unused = await insert_entry(archive, updated_at=ago(days=900), last_visit_at=long_ago, used_at=long_ago)

    archive_unused(archive_environment)

    assert [await reason_of(archive, key) for key in (*in_doubt, unused)] == [None, None, None, "unused"]


async def test_text_of_an_unused_paste_is_deleted(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection
) -> None:
    unused, neighbour = create_paste(archive_client), create_paste(archive_client, text="neighbour")
    assert archive_client.get(f"/{unused['key']}/raw").status_code == 200
    await archive.execute("UPDATE entry SET updated_at = $2, last_visit_at = NULL WHERE key = $1",
                          unused["key"], ago(days=200))  # fmt: skip

    archive_unused(archive_environment)

    assert archive_client.get(f"/{unused['key']}/raw").status_code == 410
    queued = await archive.fetch("SELECT body_id FROM body_to_delete")
    assert [row["body_id"] for row in queued] == [(await find_entry(archive, unused["key"]))["body_id"]]
    run_task("delete_bodies", environment=archive_environment)
    assert (await find_entry(archive, unused["key"]))["body_deleted_at"] is not None
    assert archive_client.get(f"/{neighbour['key']}/raw").text == "neighbour"


async def test_what_is_over_by_the_clock_has_expired_and_what_has_ended_keeps_its_reason(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    expired = await insert_entry(archive, updated_at=ago(days=200), expires_at=ago(seconds=1))
    deleted = await insert_paste(archive, updated_at=ago(days=200), ended_at=ago(days=150), archival_reason="deleted")
    before = await find_entry(archive, deleted)

    archive_unused(archive_environment)
    run_task("end_expired", environment=archive_environment)

    assert await reason_of(archive, expired) == "expired"
    assert await find_entry(archive, deleted) == before


async def test_without_the_setting_the_daily_task_ends_nothing(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    unused = await insert_entry(archive, updated_at=ago(days=900))
    run_task("archive_unused", environment=archive_environment)
    assert await reason_of(archive, unused) is None


async def test_locked_entry_is_skipped_and_stays_if_it_was_used(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    held, free = [await insert_entry(archive, updated_at=ago(days=900)) for _ in range(2)]
    async with connected(archive_environment) as holder, holder.transaction():
        await holder.execute("UPDATE entry SET used_at = now() WHERE key = $1", held)
        archive_unused(archive_environment)
        assert [await reason_of(archive, key) for key in (held, free)] == [None, "unused"]
    archive_unused(archive_environment)
    assert await reason_of(archive, held) is None


async def test_redis_that_was_away_learns_of_it_later(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection
) -> None:
    unused = create_link(archive_client)
    assert archive_client.get(f"/{unused['key']}").status_code == 302
    await archive.execute("UPDATE entry SET updated_at = $1, last_visit_at = NULL", ago(days=900))

    archive_unused(archive_environment | {"MAIN_REDIS_URL": "unix:///nowhere/valkey.sock?db=0"})

    assert await reason_of(archive, unused["key"]) == "unused"
    run_task("heal_copies", environment=archive_environment)
    assert archive_client.get(f"/{unused['key']}").status_code == 410


@pytest.mark.parametrize(("hold", "ended_before"), [("request", 0), ("answer", 1_000)])
async def test_worker_killed_in_the_middle_has_ended_whole_batches_and_the_next_run_ends_the_rest(
    archive_environment: Environment,
    archive_client: httpx.Client,
    archive: asyncpg.Connection,
    tmp_path: Path,
    hold: Hold,
    ended_before: int,
) -> None:
    keys = await insert_unused(archive)
    neighbour = create_link(archive_client)
    queued = await insert_paste(archive, updated_at=ago(days=9_000))
    with gated_engines(archive_environment | {"MAIN_UNUSED_DAYS": str(DAYS)}) as gated:
        kill_worker_at(gated, b"INSERT INTO stale_key", b"COMMIT", hold=hold, log=tmp_path / "log")

    counts = "SELECT count(*) FROM entry WHERE archival_reason = 'unused'", "SELECT count(*) FROM stale_key"
    assert [await archive.fetchval(count) for count in counts] == [ended_before] * 2
    archive_unused(archive_environment)
    assert [await archive.fetchval(count) for count in counts] == [UNUSED + 1] * 2
    assert await archive.fetchval("SELECT count(*) FROM body_to_delete") == 1
    for key in (keys[0], keys[-1], queued):
        assert archive_client.get(f"/{key}").json()["reason"] == "unused"
    assert archive_client.get(f"/{neighbour['key']}").status_code == 302


def kill_worker_at(gated: Gated, *said: bytes, hold: Hold, log: Path) -> None:
    """Kill a real worker when it has come to a point at the gate before PostgreSQL; its task is not run again."""
    with (
        gated.postgres.stop_at(*said, hold=hold) as stop,
        redis.Redis.from_url(gated.environment["MAIN_REDIS_URL"].replace("db=2", "db=3")) as broker,
        main_worker(gated.environment, log) as worker,
    ):
        send_task("main_service.archive_unused", environment=gated.environment)
        stop.wait()
        worker.kill()
        broker.flushdb()
