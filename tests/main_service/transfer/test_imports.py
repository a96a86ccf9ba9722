"""Imports as they run: large and faulty ones, killed, stopped, dry and run twice."""

from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from main_service.transfer import runner
from main_service.transfer.batches import BatchImporter
from tests.support.accounts import User, new_user
from tests.support.engines import Environment
from tests.support.imports import get_import, lines_of, order_import, run_imports
from tests.support.waiting import eventually
from tests.support.workers import SLOW_QUEUE, main_worker, send_routed_tasks

ROWS = 10_000
HEAD = "keyword,url,title,timestamp,ip,clicks\n"


def rows(mark: str, count: int) -> str:
    return HEAD + "".join(
        f"{mark}{number},https://example.org/{mark}/{number},,2020-01-02 03:04:05,::1,{number}\n"
        for number in range(count)
    )


def with_faults(mark: str) -> bytes:
    """Rows of which each hundredth is a fault, another one a repetition, and another one has a key of its own."""
    lines = rows(mark, ROWS).splitlines(keepends=True)
    for number in range(1, ROWS, 100):
        lines[number] = f"{mark}x{number},javascript:alert(1),,,,\n"
        lines[number + 1] = lines[number + 2]
        lines[number + 3] = f"a.{number},https://example.org/{mark}/dot/{number},,,,\n"
    return "".join(lines).encode()


async def owned(database: asyncpg.Connection, user: User) -> tuple[int, int]:
    """How many entries a user has, and how many different targets they have."""
    counted = await database.fetchrow(
        "SELECT count(*), count(DISTINCT original_url) FROM entry WHERE owner_id = "
        "(SELECT id FROM account WHERE email = $1)",
        user.email,
    )
    return tuple(counted)


async def test_ten_thousand_rows_with_faults_whose_worker_is_killed_are_all_there_once(
    import_environment: Environment, import_client: httpx.Client, import_database: asyncpg.Connection, tmp_path: Path
) -> None:
    user = new_user(import_client)
    job = order_import(import_client, user, with_faults(uuid4().hex[:8]), "yourls-csv")

    with main_worker(import_environment, tmp_path / "first.log", kind=SLOW_QUEUE) as worker:
        send_routed_tasks("main_service.run_imports", environment=import_environment)
        eventually(lambda: get_import(import_client, user, job)["position"] > 0, "the first batch")
        worker.kill()
    killed = get_import(import_client, user, job)
    assert killed["state"] == "running"
    assert killed["position"] < ROWS, "it was over before it was killed"
    # Until PostgreSQL has noticed the kill, a round finds the lock taken.
    while get_import(import_client, user, job)["state"] == "running":
        await run_imports(import_environment)

    done = get_import(import_client, user, job)
    assert (done["position"], done["failed"], done["known"], done["created"]) == (ROWS, 100, 100, ROWS - 200)
    lines = lines_of(import_client, user, job)
    assert [line["position"] for line in lines] == list(range(1, ROWS + 1))
    assert await owned(import_database, user) == (ROWS - 200, ROWS - 200)
    assert {line["message"] for line in lines if line["verdict"] == "failed"} == {
        "The URL must start with http:// or https:// and have a host."
    }


async def test_run_twice_it_doubles_nothing_and_adds_what_is_new(
    import_environment: Environment, import_client: httpx.Client, import_database: asyncpg.Connection
) -> None:
    user, mark = new_user(import_client), uuid4().hex[:8]
    order_import(import_client, user, rows(mark, 5).encode(), "yourls-csv")
    await run_imports(import_environment)
    import_client.delete(f"/api/v1/entries/{mark}0", headers=user.headers).raise_for_status()

    again = order_import(import_client, user, rows(mark, 6).encode(), "yourls-csv")
    await run_imports(import_environment)

    done = get_import(import_client, user, again)
    assert (done["known"], done["created"]) == (5, 1)
    assert await owned(import_database, user) == (6, 6)
    other = new_user(import_client)
    theirs = order_import(import_client, other, rows(mark, 6).encode(), "yourls-csv")
    await run_imports(import_environment)
    # Keys of others stay theirs, also of what has ended.
    assert {line["message"] for line in lines_of(import_client, other, theirs)} == {
        "Its name is taken here, so it gets another."
    }


async def test_dry_run_says_what_would_be_and_changes_nothing(
    import_environment: Environment, import_client: httpx.Client, import_database: asyncpg.Connection
) -> None:
    user, mark = new_user(import_client), uuid4().hex[:8]
    content = (
        rows(mark, 2) + f"{mark}0,https://example.org/other,,,,\nlogin,https://example.org/l,,,,\n,,,,,\nx\n"
    ).encode()

    job = order_import(import_client, user, content, "yourls-csv", dry_run="true")
    await run_imports(import_environment)

    assert get_import(import_client, user, job)["created"] == 4
    assert [(line["verdict"], line["key"], line["message"]) for line in lines_of(import_client, user, job)] == [
        ("would_be_created", f"{mark}0", None),
        ("would_be_created", f"{mark}1", None),
        ("would_be_created", None, "Its name is taken here, so it gets another."),
        ("would_be_created", None, "Its name is reserved here."),
        ("failed", None, "There is no target in this line."),
    ]
    assert await owned(import_database, user) == (0, 0)


async def test_dry_run_finds_what_is_in_the_file_twice_however_far_apart_and_in_another_turn(
    import_environment: Environment, import_client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, mark = new_user(import_client), uuid4().hex[:8]
    first = rows(mark, 1).splitlines(keepends=True)[1]
    content = rows(mark, 40) + first + f"{mark}1,https://example.org/other,,,,\n" + first
    job = order_import(import_client, user, content.encode(), "yourls-csv", dry_run="true")
    monkeypatch.setattr(runner, "ITEMS_PER_BATCH", 2)
    # Its turn ends after some batches, because another import waits.
    monkeypatch.setattr(runner, "TURN_SECONDS", 0)
    monkeypatch.setattr(runner, "monotonic", count().__next__)
    other = new_user(import_client)
    order_import(import_client, other, rows(uuid4().hex[:8], 12).encode(), "yourls-csv", dry_run="true")

    await run_imports(import_environment)

    assert [(line["verdict"], line["message"]) for line in lines_of(import_client, user, job)[40:]] == [
        ("known", "It is in the file twice."),
        ("would_be_created", "Its name is taken here, so it gets another."),
        ("known", "It is in the file twice."),
    ]


async def test_dry_runs_tell_of_no_more_names_than_creates_would(
    import_environment: Environment, import_client: httpx.Client
) -> None:
    strict = import_environment | {"MAIN_LIMIT_CREATES": "5/minute;20/hour"}
    user, mark = new_user(import_client), uuid4().hex[:8]
    order_import(import_client, new_user(import_client), rows(mark, 200).encode(), "yourls-csv")
    await run_imports(import_environment)

    first, second = (
        order_import(import_client, user, content.encode(), "yourls-csv", dry_run="true")
        for content in (rows(mark, 200), rows(mark, 1))
    )
    await run_imports(strict)

    assert {line["message"] for line in lines_of(import_client, user, first)} == {
        "Its name is taken here, so it gets another."
    }
    (line,) = lines_of(import_client, user, second)
    assert (line["key"], line["message"]) == (
        f"{mark}0",
        "The import itself will show whether its name is free: too many names were checked lately.",
    )


async def test_stopped_import_creates_nothing_more_and_keeps_no_file(
    import_environment: Environment, import_client: httpx.Client, import_database: asyncpg.Connection
) -> None:
    user = new_user(import_client)
    job = order_import(import_client, user, rows(uuid4().hex[:8], 5).encode(), "yourls-csv")
    stop = f"/api/v1/imports/{job['id']}/stop"

    stopped = import_client.post(stop, headers=user.headers)
    await run_imports(import_environment)

    assert (stopped.json()["state"], import_client.post(stop, headers=user.headers).status_code) == ("stopped", 409)
    assert get_import(import_client, user, job)["position"] == 0
    assert await owned(import_database, user) == (0, 0)


def test_user_who_may_not_import_is_refused_before_the_file_is_read(import_client: httpx.Client) -> None:
    user = new_user(import_client)
    jobs = [order_import(import_client, user, b"a", "yourls-csv") for _ in range(3)]

    # A body that no form begins with.
    answer = import_client.post(
        "/api/v1/imports", content=b"x", headers=user.headers | {"Content-Type": "multipart/form-data; boundary=b"}
    )

    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_imports_waiting")
    for job in jobs:
        import_client.post(f"/api/v1/imports/{job['id']}/stop", headers=user.headers)


async def set_open(database: asyncpg.Connection, user: User, is_open: bool) -> None:
    await database.execute("UPDATE account SET is_active = $2 WHERE email = $1", user.email, is_open)


async def test_imports_of_a_disabled_account_wait_and_hold_up_no_others(
    import_environment: Environment,
    import_client: httpx.Client,
    import_database: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disabled, other = new_user(import_client), new_user(import_client)
    jobs = [
        order_import(import_client, user, rows(uuid4().hex[:8], 2).encode(), "yourls-csv") for user in (disabled, other)
    ]
    await set_open(import_database, disabled, False)
    monkeypatch.setattr(runner, "MAX_OWNERS", 1)

    await run_imports(import_environment)
    assert get_import(import_client, other, jobs[1])["state"] == "done"

    await set_open(import_database, disabled, True)
    await run_imports(import_environment)
    assert get_import(import_client, disabled, jobs[0])["created"] == 2


@pytest.mark.parametrize("dry_run", ["false", "true"])
async def test_small_import_does_not_wait_for_the_end_of_a_large_one(
    import_environment: Environment, import_client: httpx.Client, monkeypatch: pytest.MonkeyPatch, dry_run: str
) -> None:
    large, small = new_user(import_client), new_user(import_client)
    large_job, small_job = (
        order_import(import_client, user, rows(uuid4().hex[:8], count).encode(), "yourls-csv", dry_run=dry_run)
        for user, count in ((large, 40), (small, 2))
    )
    monkeypatch.setattr(runner, "ITEMS_PER_BATCH", 2)
    monkeypatch.setattr(runner, "TURN_SECONDS", 0)
    # Each look at the clock is a second later.
    monkeypatch.setattr(runner, "monotonic", count().__next__)

    await run_imports(import_environment)

    done = [get_import(import_client, large, large_job), get_import(import_client, small, small_job)]
    assert [(job["state"], job["created"]) for job in done] == [("done", 40), ("done", 2)]
    after, before = (datetime.fromisoformat(job["finished_at"]) for job in done)
    assert before < after
    assert [line["position"] for line in lines_of(import_client, large, large_job)] == list(range(1, 41))


async def test_import_goes_no_further_once_the_account_is_disabled_and_goes_on_when_it_is_open_again(
    import_environment: Environment,
    import_client: httpx.Client,
    import_database: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = new_user(import_client)
    job = order_import(import_client, user, rows(uuid4().hex[:8], 5).encode(), "yourls-csv")
    monkeypatch.setattr(runner, "ITEMS_PER_BATCH", 2)
    import_batch = BatchImporter.import_batch

    async def import_and_disable(self: BatchImporter, *args: Any, **named: Any) -> bool:
        result = await import_batch(self, *args, **named)
        await set_open(import_database, user, False)
        return result

    with monkeypatch.context() as patch:
        patch.setattr(BatchImporter, "import_batch", import_and_disable)
        await run_imports(import_environment)
    assert await owned(import_database, user) == (2, 2)

    await set_open(import_database, user, True)
    assert get_import(import_client, user, job)["state"] == "running"
    await run_imports(import_environment)
    assert get_import(import_client, user, job)["state"] == "done"
    assert await owned(import_database, user) == (5, 5)


async def test_file_of_another_format_says_so(import_environment: Environment, import_client: httpx.Client) -> None:
    user = new_user(import_client)
    jobs = [
        order_import(import_client, user, content, file_format)
        for content, file_format in (
            (b"a,b\n1,2\n", "bitly-csv"),
            (b"\xff\x00\x01", "kutt-csv"),
            (b"no zip", "haste-folder"),
        )
    ]

    await run_imports(import_environment)

    assert [get_import(import_client, user, job)["state"] for job in jobs] == ["failed"] * 3
    assert "names no column" in get_import(import_client, user, jobs[0])["failure"]


async def test_others_can_neither_see_nor_stop_it(import_client: httpx.Client) -> None:
    user, stranger = new_user(import_client), new_user(import_client)
    job = order_import(import_client, user, HEAD.encode(), "yourls-csv")
    path = f"/api/v1/imports/{job['id']}"

    answers = [
        import_client.get(path, headers=stranger.headers),
        import_client.get(f"{path}/lines", headers=stranger.headers),
        import_client.post(f"{path}/stop", headers=stranger.headers),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert import_client.get("/api/v1/imports", headers=stranger.headers).json()["items"] == []


@pytest.mark.parametrize("content_type", ["text/csv", "multipart/form-data; boundary=x" + ";" * 101])
def test_what_is_no_form_is_refused(import_client: httpx.Client, content_type: str) -> None:
    """Thousands of parameters would take tens of milliseconds to read, in which no other request is answered."""
    headers = new_user(import_client).headers | {"Content-Type": content_type}

    answer = import_client.post("/api/v1/imports", content=b"--x--", headers=headers)

    assert (answer.status_code, answer.json()["detail"]) == (422, "Send the file in a form, as multipart/form-data.")


def test_form_that_is_wrong_names_its_field(import_client: httpx.Client) -> None:
    user = new_user(import_client)

    def fields_of(**sent: object) -> list[str]:
        answer = import_client.post("/api/v1/imports", headers=user.headers, **sent)  # type: ignore[arg-type]
        assert answer.status_code == 422
        return [each["field"] for each in answer.json().get("errors", [])]

    assert fields_of(data={"format": "bitly-csv"}, files={"other": b"a"}) == ["file"]
    assert fields_of(data={"format": "bitly-csv"}, files={"file": b""}) == ["file"]
    assert fields_of(data={"format": "../etc"}, files={"file": b"a"}) == ["format"]
    assert fields_of(data={"format": "bitly-csv", "dry_run": "maybe"}, files={"file": b"a"}) == ["dry_run"]
    assert fields_of(json={"format": "bitly-csv"}) == []
