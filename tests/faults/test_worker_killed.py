"""`kill -9` of a real worker in the middle of each of its tasks: the next run finishes, and neighbours stay."""

import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
import redis

from tests.support.database import connected, wait_for_locks_to_be_free
from tests.support.engines import Environment, run_main, running_engines, temporary_folder
from tests.support.entries import create_link, create_paste
from tests.support.gates import Gate, Gated, Hold
from tests.support.pages import CURL
from tests.support.web import WebServer
from tests.support.workers import main_worker, run_task, send_task

TWO_DAYS_SECONDS = 2 * 86_400


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    """Engines of its own: these tests count what is in them."""
    with temporary_folder() as folder, running_engines(folder) as settings:
        yield settings


@pytest.fixture(scope="module")
def web(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment) as server:
        yield server


@pytest.fixture
async def database(environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    """Empty but for what the test makes."""
    async with connected(environment) as connection:
        await connection.execute("TRUNCATE entry, body_to_delete, stale_key, idempotency_key CASCADE")
        for path in texts(environment).values():
            path.unlink()
        yield connection


def kill_worker_at(gated: Gated, gate: Gate, *said: bytes, hold: Hold, task: str, log: Path) -> None:
    """Send a task to a worker of its own, and kill that when it has come to a point at the gate.

    It would do the task again an hour later, when Redis gives it to the next worker; no test waits for that.
    """
    with (
        gate.stop_at(*said, hold=hold) as stop,
        redis.Redis.from_url(gated.environment["MAIN_REDIS_URL"].replace("db=0", "db=1")) as broker,
        main_worker(gated.environment, log) as worker,
    ):
        send_task(task, environment=gated.environment)
        stop.wait()
        worker.kill()
        broker.flushdb()
    wait_for_locks_to_be_free(gated.environment)


def texts(environment: Environment) -> dict[UUID, Path]:
    folder = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://"))
    return {UUID(path.name): path for path in folder.rglob("*") if path.is_file() and "#" not in path.name}


async def expire(database: asyncpg.Connection, *keys: str) -> None:
    await database.execute("UPDATE entry SET expires_at = now() - interval '1 s' WHERE key = ANY($1)", keys)


@pytest.mark.parametrize(
    ("part", "said", "hold"),
    [
        ("valkey", (b"entry:{0}:",), "request"),
        ("valkey", (b"entry:{0}:",), "answer"),
        ("postgres", (b"DELETE FROM stale_key", b"COMMIT"), "request"),
        ("postgres", (b"DELETE FROM stale_key", b"COMMIT"), "answer"),
    ],
)
async def test_tombstones_are_written_by_the_next_run(
    gated: Gated,
    client: httpx.Client,
    database: asyncpg.Connection,
    environment: Environment,
    tmp_path: Path,
    part: str,
    said: tuple[bytes, ...],
    hold: Hold,
) -> None:
    changed, neighbour = create_link(client), create_link(client)
    for link in (changed, neighbour):
        client.get(f"/{link['key']}")
    # As a web process leaves it that could not tell Redis.
    await database.execute("UPDATE entry SET original_url = 'https://new.example/' WHERE key = $1", changed["key"])
    await database.execute("INSERT INTO stale_key (key) VALUES ($1)", changed["key"])

    gate = gated.valkey if part == "valkey" else gated.postgres
    kill_worker_at(gated, gate, *said, hold=hold, task="main_service.heal_copies", log=tmp_path / "log")

    assert await database.fetchval("SELECT count(*) FROM stale_key") == 1
    run_task("heal_copies", environment=environment)
    assert client.get(f"/{changed['key']}").headers["location"] == "https://new.example/"
    with redis.Redis.from_url(environment["MAIN_REDIS_URL"]) as valkey:
        assert valkey.get(f"entry:{{0}}:{neighbour['key']}"), "the cached entry of a neighbour"
    await database.execute("UPDATE stale_key SET applied_at = applied_at - interval '10 s'")
    run_task("heal_copies", environment=environment)
    assert await database.fetchval("SELECT count(*) FROM stale_key") == 0


@pytest.mark.parametrize(
    ("said", "hold", "is_done"),
    [
        ((b"UPDATE entry SET ended_at",), "request", False),
        ((b"INSERT INTO body_to_delete",), "request", False),
        ((b"INSERT INTO body_to_delete", b"COMMIT"), "request", False),
        ((b"INSERT INTO body_to_delete", b"COMMIT"), "answer", True),
    ],
)
async def test_expired_entries_end_together_with_the_order_to_delete_their_texts(
    gated: Gated,
    client: httpx.Client,
    database: asyncpg.Connection,
    environment: Environment,
    tmp_path: Path,
    said: tuple[bytes, ...],
    hold: Hold,
    is_done: bool,
) -> None:
    pastes, link, neighbour = [create_paste(client) for _ in range(3)], create_link(client), create_paste(client)
    over = [entry["key"] for entry in (*pastes, link)]
    await expire(database, *over)

    kill_worker_at(gated, gated.postgres, *said, hold=hold, task="main_service.end_expired", log=tmp_path / "log")

    ended = "SELECT count(*) FROM entry WHERE archival_reason = 'expired' AND ended_at = expires_at"
    counts = await database.fetchval(ended), await database.fetchval("SELECT count(*) FROM body_to_delete")
    assert counts == ((4, 3) if is_done else (0, 0))
    for key in over:
        assert client.get(f"/{key}").json()["reason"] == "expired"
    run_task("end_expired", environment=environment)
    counts = await database.fetchval(ended), await database.fetchval("SELECT count(*) FROM body_to_delete")
    assert counts == (4, 3)
    assert client.get(f"/{neighbour['key']}").status_code == 200


@pytest.mark.parametrize(
    ("said", "hold"),
    [
        pytest.param((b"UPDATE entry SET ended_at", b"COMMIT"), "answer", id="what expired has ended"),
        pytest.param((b"FROM body_to_delete",), "answer", id="before texts are deleted"),
        pytest.param((b"DELETE FROM body_to_delete",), "request", id="texts are deleted and not noted"),
        pytest.param((b"DELETE FROM body_to_delete", b"COMMIT"), "request", id="before the note is committed"),
        pytest.param((b"DELETE FROM body_to_delete", b"COMMIT"), "answer", id="texts are deleted and noted"),
        pytest.param((b"UPDATE entry SET title", b"COMMIT"), "request", id="before rows are emptied"),
        pytest.param((b"UPDATE entry SET title", b"COMMIT"), "answer", id="rows are emptied"),
        pytest.param((b"SELECT entry.body_id", b"SELECT body_to_delete"), "answer", id="before orphans are swept"),
        pytest.param(
            (b"DELETE FROM idempotency_key", b"COMMIT"), "request", id="before old idempotency keys are purged"
        ),
        pytest.param((b"DELETE FROM idempotency_key", b"COMMIT"), "answer", id="old idempotency keys are purged"),
    ],
)
async def test_clean_up_is_finished_by_the_next_run(
    gated: Gated,
    client: httpx.Client,
    database: asyncpg.Connection,
    environment: Environment,
    tmp_path: Path,
    said: tuple[bytes, ...],
    hold: Hold,
) -> None:
    paste, link = create_paste(client, text="neighbour"), create_link(client)
    expired = [create_paste(client, title="Secret"), create_link(client, title="Secret")]
    await expire(database, *(entry["key"] for entry in expired))
    # As a web process leaves it that was killed before it deleted the text.
    deleted = create_paste(client, title="Secret")
    await database.execute(
        "UPDATE entry SET ended_at = now(), archival_reason = 'deleted' WHERE key = $1", deleted["key"]
    )
    await database.execute("INSERT INTO body_to_delete SELECT body_id FROM entry WHERE key = $1", deleted["key"])
    await database.execute(
        """
        INSERT INTO idempotency_key (scope, key, body_digest, entry_key, created_at)
        SELECT '', hours::text, '', 'none', now() - hours * interval '1 hour' FROM unnest('{1, 25}'::int[]) AS hours
        """
    )
    orphan, young_orphan = (write_text(environment, age_seconds=age) for age in (TWO_DAYS_SECONDS, 0))

    kill_worker_at(gated, gated.postgres, *said, hold=hold, task="main_service.clean_up", log=tmp_path / "log")

    named = await database.fetch("SELECT body_id FROM entry UNION SELECT body_id FROM body_to_delete")
    assert texts(environment).keys() - {orphan, young_orphan} <= {row["body_id"] for row in named}
    assert_neighbours_are_untouched(client, paste, link)
    assert {client.get(f"/{entry['key']}").status_code for entry in (*expired, deleted)} == {410}

    run_main("cleanup", environment=environment)

    neighbours_text = await database.fetchval("SELECT body_id FROM entry WHERE key = $1", paste["key"])
    assert texts(environment).keys() == {neighbours_text, young_orphan}
    assert await database.fetchval("SELECT count(*) FROM body_to_delete") == 0
    reasons = await database.fetch(
        """
        SELECT archival_reason FROM entry
        WHERE ended_at IS NOT NULL AND (title, original_url, body_id, size_bytes) IS NULL
              AND (kind = 'link' OR body_deleted_at IS NOT NULL)
        ORDER BY archival_reason
        """
    )
    assert [row["archival_reason"] for row in reasons] == ["deleted", "expired", "expired"]
    assert [row["key"] for row in await database.fetch("SELECT key FROM idempotency_key")] == ["1"]
    assert_neighbours_are_untouched(client, paste, link)


@pytest.mark.parametrize(
    ("said", "hold"),
    [
        ((b"FROM body_to_delete",), "answer"),
        ((b"DELETE FROM body_to_delete",), "request"),
        ((b"DELETE FROM body_to_delete", b"COMMIT"), "answer"),
    ],
)
async def test_texts_that_are_due_are_deleted_by_the_next_run_and_no_others(
    gated: Gated,
    client: httpx.Client,
    database: asyncpg.Connection,
    environment: Environment,
    tmp_path: Path,
    said: tuple[bytes, ...],
    hold: Hold,
) -> None:
    neighbour, viewed_before, viewed_now = (
        create_paste(client, text="neighbour", **views) for views in ({}, {"views": 1}, {"views": 1})
    )
    for paste in (viewed_before, viewed_now):
        assert client.get(f"/{paste['key']}/raw", headers=CURL).status_code == 200
    due, young, live = [
        await database.fetchval("SELECT body_id FROM entry WHERE key = $1", paste["key"])
        for paste in (viewed_before, viewed_now, neighbour)
    ]
    await database.execute("UPDATE body_to_delete SET due_at = now() - interval '1 s' WHERE body_id = $1", due)

    kill_worker_at(gated, gated.postgres, *said, hold=hold, task="main_service.delete_bodies", log=tmp_path / "log")

    queued = {row["body_id"] for row in await database.fetch("SELECT body_id FROM body_to_delete")}
    assert texts(environment).keys() <= queued | {live}
    run_task("delete_bodies", environment=environment)
    assert texts(environment).keys() == {young, live}
    assert [row["body_id"] for row in await database.fetch("SELECT body_id FROM body_to_delete")] == [young]
    deleted_at = "SELECT body_deleted_at IS NOT NULL FROM entry WHERE body_id = $1"
    assert [await database.fetchval(deleted_at, body_id) for body_id in (due, young, live)] == [True, False, False]
    assert client.get(f"/{neighbour['key']}/raw").text == "neighbour"


def assert_neighbours_are_untouched(client: httpx.Client, paste: dict[str, str], link: dict[str, str]) -> None:
    assert client.get(f"/{paste['key']}/raw").text == "neighbour"
    assert client.get(f"/{link['key']}").status_code == 302
    assert client.get(f"/api/v1/entries/{link['key']}").json()["expires_at"] == link["expires_at"]


def write_text(environment: Environment, *, age_seconds: float) -> UUID:
    """A text without a row."""
    body_id = uuid4()
    path = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://")) / body_id.hex[:2] / str(body_id)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (time.time() - age_seconds,) * 2)
    return body_id
