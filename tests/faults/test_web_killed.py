"""`kill -9` of a web process between two steps: whole or not there for every reader, and nothing stays behind."""

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import pytest

from tests.support.database import wait_for_locks_to_be_free
from tests.support.engines import Environment, run_main
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.gates import Gate, Gated, GatedStore, Hold
from tests.support.pages import CURL
from tests.support.web import WebServer
from tests.support.workers import run_task

TWO_DAYS_SECONDS = 2 * 86_400
Send = Callable[[httpx.Client], httpx.Response]


def kill_at(environment: Environment, gate: Gate, *said: bytes, hold: Hold, send: Send) -> None:
    """Send one request to a web process of its own, and kill that when it has come to a point at the gate."""
    with WebServer(environment) as victim, gate.stop_at(*said, hold=hold) as stop, ThreadPoolExecutor(1) as pool:
        answer: Future[httpx.Response] = pool.submit(send, victim.client)
        stop.wait()
        victim.processes[0].kill()
        victim.processes[0].wait()
        with pytest.raises(httpx.TransportError):
            answer.result()
    wait_for_locks_to_be_free(environment)


def text_files(environment: Environment) -> dict[UUID, Path]:
    folder = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://"))
    files = [path for path in folder.rglob("*") if path.is_file()]
    # Not those that are being written, nor those of reports.
    return {UUID(path.name): path for path in files if "#" not in path.name and path.suffix != ".file"}


def make_old(path: Path) -> None:
    os.utime(path, (time.time() - TWO_DAYS_SECONDS,) * 2)


async def test_paste_whose_text_is_stored_but_not_its_row_is_not_there_and_its_text_is_swept_after_a_day(
    gated: Gated, environment: Environment, client: httpx.Client, database: asyncpg.Connection
) -> None:
    neighbour = create_paste(client, text="neighbour")
    before = text_files(environment)
    alias = new_alias()
    body = {"text": "nobody's text", "alias": alias}

    kill_at(
        *(gated.environment, gated.postgres, b"INSERT INTO entry"),
        hold="request",
        send=lambda victim: victim.post("/api/v1/pastes", json=body),
    )

    (orphan,) = text_files(environment).keys() - before.keys()
    assert client.get(f"/{alias}").status_code == 404
    run_main("cleanup", environment=environment)
    assert orphan in text_files(environment), "it may belong to a request that is still under way"
    make_old(text_files(environment)[orphan])
    run_main("cleanup", environment=environment)
    assert orphan not in text_files(environment)
    # Other tests have left texts that were due.
    rows = await database.fetch("SELECT body_id FROM entry WHERE ended_at IS NULL AND expires_at > now()")
    assert before.keys() & {row["body_id"] for row in rows} <= text_files(environment).keys()
    assert client.get(f"/{neighbour['key']}/raw").text == "neighbour"
    assert create_paste(client, alias=alias)["key"] == alias, "the key was never used"


async def test_paste_whose_text_is_just_stored_in_s3_is_not_there(
    gated_s3: GatedStore, client: httpx.Client, database: asyncpg.Connection
) -> None:
    alias = new_alias()

    kill_at(
        *(gated_s3.environment, gated_s3.store, b"PUT /texts/bodies/"),
        hold="answer",
        send=lambda victim: victim.post("/api/v1/pastes", json={"text": "nobody's text", "alias": alias}),
    )

    assert client.get(f"/{alias}").status_code == 404
    assert await database.fetchval("SELECT count(*) FROM entry WHERE key = $1", alias) == 0


@pytest.mark.parametrize("kind", ["paste", "link"])
def test_entry_whose_row_is_committed_but_not_answered_is_whole_for_other_processes(
    gated: Gated, client: httpx.Client, kind: str
) -> None:
    alias = new_alias()
    content = {"text": "x" * 100_000} if kind == "paste" else {"original_url": "https://example.org/whole"}

    kill_at(
        *(gated.environment, gated.postgres, b"INSERT INTO entry", b"COMMIT"),
        hold="answer",
        send=lambda victim: victim.post(f"/api/v1/{kind}s", json={**content, "alias": alias}),
    )

    read = client.get(f"/{alias}")
    if kind == "paste":
        assert (read.status_code, read.text) == (200, content["text"])
    else:
        assert (read.status_code, read.headers["location"]) == (302, content["original_url"])
    assert client.post(f"/api/v1/{kind}s", json={**content, "alias": alias}).json()["code"] == "alias_taken"


def test_request_repeated_after_its_answer_was_lost_makes_no_second_entry(gated: Gated, client: httpx.Client) -> None:
    headers, body = {"Idempotency-Key": new_alias()}, {"text": "once"}

    kill_at(
        *(gated.environment, gated.postgres, b"INSERT INTO entry", b"COMMIT"),
        hold="answer",
        send=lambda victim: victim.post("/api/v1/pastes", json=body, headers=headers),
    )

    answers = [client.post("/api/v1/pastes", json=body, headers=headers) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {201}
    assert answers[0].json() == answers[1].json()
    made = answers[0].json()
    assert client.get(f"/{made['key']}/raw").text == "once"
    assert client.delete(f"/api/v1/entries/{made['key']}", headers=manage_headers(made)).status_code == 204


@pytest.mark.parametrize(("hold", "views_left"), [("request", 2), ("answer", 1)])
def test_view_whose_answer_was_lost_is_spent_once_or_not_at_all(
    gated: Gated, client: httpx.Client, hold: Hold, views_left: int
) -> None:
    paste = create_paste(client, text="seen twice", views=2)
    entry = f"/api/v1/entries/{paste['key']}"

    kill_at(
        *(gated.environment, gated.postgres, b"UPDATE entry SET views_left", b"COMMIT"),
        hold=hold,
        send=lambda victim: victim.get(f"/{paste['key']}/raw", headers=CURL | {"Accept": "application/json"}),
    )

    assert client.get(entry, headers=manage_headers(paste)).json()["views_left"] == views_left
    reads = [client.get(f"/{paste['key']}/raw", headers=CURL | {"Accept": "application/json"}) for _ in range(3)]
    assert [read.status_code for read in reads] == [200] * views_left + [410] * (3 - views_left)


@pytest.mark.parametrize(
    ("said", "hold", "is_changed"),
    [
        ((b"UPDATE entry SET",), "request", False),
        ((b"UPDATE entry SET", b"COMMIT"), "request", False),
        ((b"UPDATE entry SET", b"COMMIT"), "answer", True),
    ],
)
async def test_text_is_the_old_or_the_new_one_and_the_other_leaves_the_store(
    gated: Gated,
    environment: Environment,
    client: httpx.Client,
    database: asyncpg.Connection,
    said: tuple[bytes, ...],
    hold: Hold,
    is_changed: bool,
) -> None:
    paste = create_paste(client, text="old text")
    address = f"/api/v1/entries/{paste['key']}"
    assert client.get(f"/{paste['key']}/raw").text == "old text"
    old_body = await body_id_of(database, paste["key"])
    before = text_files(environment).keys()

    kill_at(
        *(gated.environment, gated.postgres, *said),
        hold=hold,
        send=lambda victim: victim.patch(address, json={"text": "new text"}, headers=manage_headers(paste)),
    )

    (new_body,) = text_files(environment).keys() - before
    # The old cached entry stands in Redis; the dead process has left an invalidation in the outbox.
    assert client.get(f"/{paste['key']}/raw").text in {"old text", "new text"}
    run_task("heal_copies", environment=environment)
    assert client.get(f"/{paste['key']}/raw").text == ("new text" if is_changed else "old text")
    if not is_changed:
        # Nothing names it, so it is swept by its age; the old one is on the list of those to delete.
        make_old(text_files(environment)[new_body])
    run_main("cleanup", environment=environment)
    kept, gone = (new_body, old_body) if is_changed else (old_body, new_body)
    assert kept in text_files(environment)
    assert gone not in text_files(environment)
    assert await queued(database, old_body, new_body) == 0
    assert client.get(f"/{paste['key']}/raw").text == ("new text" if is_changed else "old text")


@pytest.mark.parametrize("hold", ["request", "answer"])
async def test_deletion_happens_wholly_or_not_at_all(
    gated: Gated, environment: Environment, client: httpx.Client, database: asyncpg.Connection, hold: Hold
) -> None:
    paste, neighbour = create_paste(client, text="mine"), create_paste(client, text="neighbour")
    address = f"/api/v1/entries/{paste['key']}"
    assert client.get(f"/{paste['key']}/raw").text == "mine"
    body_id = await body_id_of(database, paste["key"])

    kill_at(
        *(gated.environment, gated.postgres, b"INSERT INTO body_to_delete", b"COMMIT"),
        hold=hold,
        send=lambda victim: victim.delete(address, headers=manage_headers(paste)),
    )

    run_task("heal_copies", environment=environment)
    run_main("cleanup", environment=environment)
    read = client.get(f"/{paste['key']}/raw")
    if hold == "request":
        assert (read.status_code, read.text) == (200, "mine")
    else:
        assert (read.status_code, read.json()["reason"]) == (410, "deleted")
        assert body_id not in text_files(environment)
        row = await database.fetchrow("SELECT * FROM entry WHERE key = $1", paste["key"])
        assert (row["body_id"], row["size_bytes"]) == (None, None)
        assert row["body_deleted_at"] is not None
    assert await queued(database, body_id) == 0
    assert client.get(f"/{neighbour['key']}/raw").text == "neighbour"


async def test_text_deleted_in_s3_but_not_noted_is_noted_by_the_next_clean_up(
    gated_s3: GatedStore, s3_environment: Environment, s3_web: WebServer, database: asyncpg.Connection
) -> None:
    with s3_web.new_client() as client:
        paste = create_paste(client, text="mine")
        body_id = await body_id_of(database, paste["key"])

        kill_at(
            *(gated_s3.environment, gated_s3.store, b"POST /texts"),
            hold="answer",
            send=lambda victim: victim.delete(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste)),
        )

        assert await queued(database, body_id) == 1
        assert client.get(f"/{paste['key']}").status_code == 410
        run_main("cleanup", environment=s3_environment)
        assert await queued(database, body_id) == 0


async def test_process_that_is_killed_takes_no_other_with_it(gated: Gated) -> None:
    """Two processes on one socket, as the launcher runs them."""
    with WebServer(gated.environment, processes=2) as both:
        link = create_link(both.client)
        both.processes[0].kill()
        both.processes[0].wait()
        with both.new_client() as visitor:
            assert visitor.get(f"/{link['key']}").status_code == 302


async def body_id_of(database: asyncpg.Connection, key: str) -> UUID:
    body_id: UUID = await database.fetchval("SELECT body_id FROM entry WHERE key = $1", key)
    return body_id


async def queued(database: asyncpg.Connection, *body_ids: UUID) -> int:
    """How many of these texts wait to be deleted."""
    count: int = await database.fetchval("SELECT count(*) FROM body_to_delete WHERE body_id = ANY($1)", body_ids)
    return count
