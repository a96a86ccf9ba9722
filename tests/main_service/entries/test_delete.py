"""What is deleted stays deleted: against cached entries, against changes at the same moment, and with the object store
away."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
import redis

from tests.support import forking
from tests.support.database import connected, wait_for_blocked_statements
from tests.support.engines import START_SECONDS, Environment, full, run_main
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.web import WebServer

ROUNDS = 40
WAIT_SECONDS = 60


@pytest.fixture(scope="module", params=["file", "s3"])
def storeless(request: pytest.FixtureRequest, environment: Environment, folder: Path) -> Iterator[WebServer]:
    """A web process on the same database whose object store is away: S3 that refuses, a folder that is none."""
    lost = folder / "lost-bodies"
    settings = (
        environment
        | {
            "file": {"MAIN_BODY_STORE_URL": f"file://{lost}"},
            "s3": {
                "MAIN_BODY_STORE_URL": "s3://texts/bodies",
                "MAIN_BODY_STORE_ENDPOINT": "http://127.0.0.1:1",
                "AWS_ACCESS_KEY_ID": "nobody",
                "AWS_SECRET_ACCESS_KEY": "nothing",
            },
        }[request.param]
    )
    with WebServer(settings) as server:
        if request.param == "file":
            lost.rmdir()
            lost.write_text("no folder")
        yield server
    lost.unlink(missing_ok=True)


@pytest.mark.parametrize("make", [create_paste, create_link])
def test_deletion_is_seen_at_once_though_a_copy_stood_in_redis(
    client: httpx.Client, valkey: redis.Redis, make: Any
) -> None:
    entry = make(client)
    name = f"entry:{{0}}:{entry['key']}"
    assert client.get(f"/{entry['key']}").status_code in (200, 302)
    assert valkey.get(name), "the read left no cached entry, so the test would show nothing"

    assert client.delete(f"/api/v1/entries/{entry['key']}", headers=manage_headers(entry)).status_code == 204

    assert valkey.get(name).startswith("[0,"), "only the tombstone"
    assert client.get(f"/{entry['key']}").status_code == 410
    assert client.get(f"/api/v1/entries/{entry['key']}").status_code == 410


def test_changes_against_deletions_leave_only_ended_entries_and_no_text(
    environment: Environment, web: WebServer, client: httpx.Client
) -> None:
    neighbours = [create_paste(client, text=f"neighbour {number}") for number in range(5)]
    before = text_files(environment)
    pastes = [create_paste(client) for _ in range(ROUNDS)]
    gate = Barrier(3)

    def changed(paste: dict[str, Any], text: str) -> int:
        with web.new_client() as visitor:
            gate.wait(WAIT_SECONDS)
            return visitor.patch(address(paste), json={"text": text}, headers=manage_headers(paste)).status_code

    def deleted(paste: dict[str, Any]) -> int:
        with web.new_client() as visitor:
            gate.wait(WAIT_SECONDS)
            return visitor.delete(address(paste), headers=manage_headers(paste)).status_code

    with ThreadPoolExecutor(3) as pool:
        for paste in pastes:
            changes = [pool.submit(changed, paste, text) for text in ("one", "two")]
            deletion = pool.submit(deleted, paste)
            assert deletion.result(WAIT_SECONDS) == 204
            assert {change.result(WAIT_SECONDS) for change in changes} <= {200, 410}

    run_main("cleanup", environment=environment)
    for paste in pastes:
        assert client.get(f"/{paste['key']}").status_code == 410
    assert text_files(environment) - before == set()
    for number, neighbour in enumerate(neighbours):
        assert client.get(f"/{neighbour['key']}/raw").text == f"neighbour {number}"


@pytest.mark.parametrize("is_deletion_first", [True, False])
async def test_change_and_deletion_that_wait_for_each_other_leave_no_text(
    environment: Environment, web: WebServer, database: asyncpg.Connection, is_deletion_first: bool
) -> None:
    """Both queue for the row behind another transaction, so which of them gets it first is no matter of luck."""
    with web.new_client() as one, web.new_client() as other:
        before = text_files(environment)
        paste = create_paste(one, text="old")
        deletion = asyncio.to_thread(one.delete, address(paste), headers=manage_headers(paste))
        change = asyncio.to_thread(other.patch, address(paste), json={"text": "new"}, headers=manage_headers(paste))
        order = [deletion, change] if is_deletion_first else [change, deletion]
        requests = []
        async with connected(environment) as holder, holder.transaction():
            await holder.execute("SELECT 1 FROM entry WHERE key = $1 FOR UPDATE", paste["key"])
            for number, request in enumerate(order, start=1):
                requests.append(asyncio.create_task(request))
                await wait_for_blocked_statements(database, number)
        statuses = [(await request).status_code for request in requests]

        assert statuses == ([204, 410] if is_deletion_first else [200, 204])
        assert one.get(f"/{paste['key']}").status_code == 410
        assert text_files(environment) == before


async def test_deleting_works_while_the_store_is_away_and_the_text_goes_later(
    environment: Environment, client: httpx.Client, storeless: WebServer, database: asyncpg.Connection
) -> None:
    paste, kept = create_paste(client), create_paste(client, text="kept")
    body_id = await body_id_of(database, paste)

    response = storeless.client.delete(address(paste), headers=manage_headers(paste))

    assert (response.status_code, response.content) == (204, b"")
    assert client.get(f"/{paste['key']}").status_code == 410
    assert await is_queued(database, body_id)
    assert text_file(environment, body_id).exists()
    assert await database.fetchval("SELECT body_deleted_at FROM entry WHERE key = $1", paste["key"]) is None
    run_main("cleanup", environment=environment)
    assert not text_file(environment, body_id).exists()
    assert not await is_queued(database, body_id)
    assert await database.fetchval("SELECT body_deleted_at FROM entry WHERE key = $1", paste["key"]) is not None
    assert client.get(f"/{kept['key']}/raw").text == "kept"


async def test_replaced_text_that_the_store_keeps_hold_of_goes_later(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection
) -> None:
    """A folder in the text's place: the one thing in a local store that even root can't remove as a file."""
    paste = create_paste(client, text="old")
    body_id = await body_id_of(database, paste)
    stuck = text_file(environment, body_id)
    content = stuck.read_bytes()
    stuck.unlink()
    stuck.mkdir()
    try:
        response = client.patch(address(paste), json={"text": "new"}, headers=manage_headers(paste))
    finally:
        stuck.rmdir()
        stuck.write_bytes(content)

    assert response.status_code == 200
    assert client.get(f"/{paste['key']}/raw").text == "new"
    assert await is_queued(database, body_id)
    run_main("cleanup", environment=environment)
    assert not stuck.exists()
    assert not await is_queued(database, body_id)
    assert client.get(f"/{paste['key']}/raw").text == "new"


async def test_text_that_can_not_be_stored_leaves_no_entry_and_links_go_on(
    storeless: WebServer, database: asyncpg.Connection
) -> None:
    alias = new_alias()

    response = storeless.client.post("/api/v1/pastes", json={"text": "lost", "alias": alias})

    assert (response.status_code, response.json()["code"]) == (503, "text_store_unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert await database.fetchval("SELECT count(*) FROM entry WHERE key = $1", alias) == 0
    link = create_link(storeless.client, alias=alias)
    assert storeless.client.get(f"/{link['key']}").status_code == 302


def test_text_that_can_not_be_replaced_stays(client: httpx.Client, storeless: WebServer) -> None:
    paste = create_paste(client, text="old", title="Old")

    response = storeless.client.patch(
        address(paste), json={"text": "new", "title": "New"}, headers=manage_headers(paste)
    )

    assert (response.status_code, response.json()["code"]) == (503, "text_store_unavailable")
    assert int(response.headers["retry-after"]) > 0
    assert client.get(f"/{paste['key']}/raw").text == "old"
    assert client.get(address(paste)).json()["title"] == "Old"
    retitled = storeless.client.patch(address(paste), json={"title": "New"}, headers=manage_headers(paste))
    assert retitled.json()["title"] == "New"


async def test_cleanup_without_its_store_fails_and_purges_nothing(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection
) -> None:
    body_id = await body_id_of(database, create_paste(client))
    await database.execute("INSERT INTO body_to_delete (body_id) VALUES ($1)", body_id)
    away = environment | {
        "MAIN_BODY_STORE_URL": "s3://texts/bodies",
        "MAIN_BODY_STORE_ENDPOINT": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }

    done = forking.run("-m", "main_service", "cleanup", environment=full(away), timeout=START_SECONDS)

    assert done.returncode != 0
    assert await is_queued(database, body_id)
    await database.execute("DELETE FROM body_to_delete WHERE body_id = $1", body_id)


def address(entry: dict[str, Any]) -> str:
    return f"/api/v1/entries/{entry['key']}"


def text_files(environment: Environment) -> set[Path]:
    folder = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://"))
    return {file for file in folder.rglob("*") if file.is_file()}


def text_file(environment: Environment, body_id: UUID) -> Path:
    folder = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://"))
    return folder / body_id.hex[:2] / str(body_id)


async def body_id_of(database: asyncpg.Connection, entry: dict[str, Any]) -> UUID:
    body_id: UUID = await database.fetchval("SELECT body_id FROM entry WHERE key = $1", entry["key"])
    return body_id


async def is_queued(database: asyncpg.Connection, body_id: UUID) -> bool:
    return bool(await database.fetchval("SELECT count(*) FROM body_to_delete WHERE body_id = $1", body_id))
