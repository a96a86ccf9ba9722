"""Jobs that a superuser orders by the API: from the row that waits to the one that says what was done."""

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
import redis

from tests.support import forking
from tests.support.accounts import User, insert_owner, new_superuser
from tests.support.database import connected, wait_for_blocked_statements
from tests.support.engines import REPOSITORY, Environment, full
from tests.support.entries import ago, create_link, create_paste, find_entry, insert_entry
from tests.support.gates import gated_engines
from tests.support.waiting import eventually_async
from tests.support.web import Process
from tests.support.workers import code_of, main_worker, run_task, send_task

WAIT_SECONDS = 60
RUN_JOBS = code_of("do_asked_work")

TWO_ROUNDS = """
from threading import Thread
from main_service.worker import app
run_jobs = app.tasks["main_service.do_asked_work"]
first = Thread(target=run_jobs)
first.start()
input()
run_jobs()
print("second round is over", flush=True)
first.join()
"""
STORE_AWAY = {
    "MAIN_BODY_STORE_URL": "s3://texts/bodies",
    "MAIN_BODY_STORE_ENDPOINT": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
}


@pytest.fixture
async def superuser(archive_client: httpx.Client, archive: asyncpg.Connection) -> User:
    return await new_superuser(archive_client, archive)


def order(client: httpx.Client, superuser: User, path: str) -> str:
    """Order a job; return its id."""
    answer = client.post(f"/api/v1/admin/{path}", headers=superuser.headers)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert job == {"id": job["id"], "state": "waiting"}
    assert answer.headers["location"] == f"http://slipbin.test/api/v1/admin/tasks/{job['id']}"
    return str(job["id"])


def get_job(client: httpx.Client, superuser: User, task_id: str) -> dict[str, Any]:
    answer = client.get(f"/api/v1/admin/tasks/{task_id}", headers=superuser.headers)
    assert answer.status_code == 200, answer.text
    task: dict[str, Any] = answer.json()
    return task


def run_jobs(environment: Environment) -> None:
    run_task("do_asked_work", environment=environment)


def start_worker(environment: Environment) -> Process:
    return forking.start("-c", RUN_JOBS, environment=full(environment))


async def test_unused_entries_end_when_a_superuser_orders_it(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection, superuser: User
) -> None:
    unused, used = create_link(archive_client), create_link(archive_client)
    for link in (unused, used):
        assert archive_client.get(f"/{link['key']}").status_code == 302
    set_back = "UPDATE entry SET updated_at = $2, last_visit_at = NULL WHERE key = $1"
    await archive.execute(set_back, unused["key"], ago(days=33))
    await archive.execute(set_back, used["key"], ago(days=29))

    task_id = order(archive_client, superuser, "archive-unused?days=30")
    waiting = get_job(archive_client, superuser, task_id)
    assert (waiting["state"], waiting["work"], waiting["started_at"]) == ("waiting", "archive_unused", None)
    assert archive_client.get(f"/{unused['key']}").status_code == 302, "the request itself ends nothing"
    run_jobs(archive_environment)

    task = get_job(archive_client, superuser, task_id)
    assert (task["state"], task["result"], task["failure"]) == ("done", {"ended": 1}, None)
    asked_at, started_at, finished_at = (
        datetime.fromisoformat(task[name]) for name in ("asked_at", "started_at", "finished_at")
    )
    assert asked_at <= started_at <= finished_at <= started_at + timedelta(minutes=1)
    assert archive_client.get(f"/{unused['key']}").json()["reason"] == "unused"
    assert archive_client.get(f"/{used['key']}").status_code == 302


@pytest.mark.parametrize("query", ["", "?days=0", "?days=36501", "?days=-1", "?days=many", "?days=1.5"])
async def test_days_that_make_no_sense_are_refused(
    archive_client: httpx.Client, archive: asyncpg.Connection, superuser: User, query: str
) -> None:
    answer = archive_client.post(f"/api/v1/admin/archive-unused{query}", headers=superuser.headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "days")
    assert await archive.fetchval("SELECT count(*) FROM admin_task") == 0


async def test_real_worker_cleans_up_when_a_superuser_orders_it(
    archive_environment: Environment,
    archive_client: httpx.Client,
    archive: asyncpg.Connection,
    superuser: User,
    tmp_path: Path,
) -> None:
    expired, neighbour = create_paste(archive_client), create_paste(archive_client)
    await archive.execute("UPDATE entry SET expires_at = now() - interval '1 s' WHERE key = $1", expired["key"])
    task_id = order(archive_client, superuser, "cleanup")
    with main_worker(archive_environment, tmp_path / "log") as worker:
        send_task("main_service.do_asked_work", environment=archive_environment)
        worker.wait_for("is done")

    task = get_job(archive_client, superuser, task_id)
    assert (task["state"], task["work"], task["failure"]) == ("done", "clean_up", None)
    counts = {name: task["result"][name] for name in ("ended", "bodies_deleted", "emptied", "orphans_deleted")}
    assert counts == {"ended": 1, "bodies_deleted": 1, "emptied": 1, "orphans_deleted": 0}
    assert archive_client.get(f"/{neighbour['key']}/raw").status_code == 200


async def test_failed_job_says_why_and_what_waits_behind_it_is_done(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection, superuser: User
) -> None:
    await insert_entry(archive, updated_at=ago(days=900))
    failing = order(archive_client, superuser, "cleanup")
    # As a bug would: it is without the days that it needs.
    broken = str(await archive.fetchval(
        "INSERT INTO admin_task (id, work) VALUES ($1, 'archive_unused') RETURNING id", uuid4()
    ))  # fmt: skip
    behind = order(archive_client, superuser, "archive-unused?days=30")
    await archive.execute("INSERT INTO body_to_delete (body_id) VALUES ($1)", uuid4())

    run_jobs(archive_environment | STORE_AWAY)

    task = get_job(archive_client, superuser, failing)
    assert (task["state"], task["result"]) == ("failed", None)
    assert task["failure"] == "The text store isn't responding right now."
    task = get_job(archive_client, superuser, broken)
    assert (task["state"], task["failure"]) == (
        "failed", "Something went wrong. It is in the log of the worker."
    )  # fmt: skip
    assert get_job(archive_client, superuser, behind)["result"] == {"ended": 1}
    assert await archive.fetchval("SELECT count(*) FROM admin_task WHERE result IS NULL AND failure IS NULL") == 0


async def test_two_workers_at_once_do_not_run_the_same_job(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection, superuser: User
) -> None:
    """The first waits in the middle of its work while the second comes, which takes what else is open."""
    await insert_entry(archive, updated_at=ago(days=900))
    first = order(archive_client, superuser, "archive-unused?days=30")
    async with connected(archive_environment) as holder, holder.transaction():
        await holder.execute("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE")
        worker_process = start_worker(archive_environment)
        await wait_for_state(archive_client, superuser, first, "running")
        started_at = get_job(archive_client, superuser, first)["started_at"]

        # There is nothing else to do, so it is not kept waiting.
        run_jobs(archive_environment)

        assert worker_process.poll() is None
        assert get_job(archive_client, superuser, first)["started_at"] == started_at
    assert await asyncio.to_thread(worker_process.wait, WAIT_SECONDS) == 0
    task = get_job(archive_client, superuser, first)
    assert (task["state"], task["result"], task["started_at"]) == ("done", {"ended": 1}, started_at)


async def test_two_workers_that_come_for_the_same_row_at_once_take_it_once(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection, superuser: User
) -> None:
    tasks = [order(archive_client, superuser, "archive-unused?days=30") for _ in range(5)]
    await archive.execute(
        """
        CREATE TABLE begun (id uuid);
        CREATE FUNCTION note_begin() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO begun VALUES (NEW.id); RETURN NULL; END';
        CREATE TRIGGER note_begin AFTER UPDATE OF started_at ON admin_task
            FOR EACH ROW EXECUTE FUNCTION note_begin();
        """
    )
    try:
        async with archive.transaction():
            await archive.execute("LOCK TABLE admin_task IN ACCESS EXCLUSIVE MODE")
            workers = [start_worker(archive_environment) for _ in range(2)]
            await wait_for_blocked_statements(archive, len(workers))
        assert [await asyncio.to_thread(worker.wait, WAIT_SECONDS) for worker in workers] == [0, 0]
        begun = [str(row["id"]) for row in await archive.fetch("SELECT id FROM begun")]
    finally:
        await archive.execute("DROP TABLE begun; DROP FUNCTION note_begin CASCADE")
    assert sorted(begun) == sorted(tasks)
    assert {get_job(archive_client, superuser, task)["state"] for task in tasks} == {"done"}


async def test_worker_that_runs_a_job_starts_no_other_with_its_other_threads(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection, superuser: User
) -> None:
    """They are for the tasks that may not wait."""
    tasks = [order(archive_client, superuser, "archive-unused?days=30") for _ in range(2)]
    async with connected(archive_environment) as holder, holder.transaction():
        await holder.execute("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE")
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", TWO_ROUNDS),
            env=full(archive_environment),
            cwd=REPOSITORY,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert worker.stdin is not None
        assert worker.stdout is not None
        await wait_for_state(archive_client, superuser, tasks[0], "running")
        worker.stdin.write(b"\n")
        assert await asyncio.wait_for(worker.stdout.readline(), WAIT_SECONDS) == b"second round is over\n"
        assert get_job(archive_client, superuser, tasks[1])["state"] == "waiting"
    assert await asyncio.wait_for(worker.wait(), WAIT_SECONDS) == 0
    assert {get_job(archive_client, superuser, task)["state"] for task in tasks} == {"done"}


async def test_job_of_a_killed_worker_is_restarted_an_hour_later(
    archive_environment: Environment,
    archive_client: httpx.Client,
    archive: asyncpg.Connection,
    superuser: User,
    tmp_path: Path,
) -> None:
    unused = [await insert_entry(archive, updated_at=ago(days=900)) for _ in range(3)]
    used = await insert_entry(archive)
    task_id = order(archive_client, superuser, "archive-unused?days=30")
    with gated_engines(archive_environment) as gated, gated.postgres.stop_at(
        b"INSERT INTO stale_key", b"COMMIT", hold="request"
    ) as stop, redis.Redis.from_url(gated.environment["MAIN_REDIS_URL"].replace("db=2", "db=3")) as broker, main_worker(
        gated.environment, tmp_path / "log"
    ) as worker:  # fmt: skip
        send_task("main_service.do_asked_work", environment=gated.environment)
        stop.wait()
        worker.kill()
        broker.flushdb()

    run_jobs(archive_environment)
    assert get_job(archive_client, superuser, task_id)["state"] == "running", "the run may still be under way"
    assert (await find_entry(archive, unused[0]))["ended_at"] is None

    await archive.execute("UPDATE admin_task SET started_at = started_at - interval '1 hour'")
    run_jobs(archive_environment)

    task = get_job(archive_client, superuser, task_id)
    assert (task["state"], task["result"]) == ("done", {"ended": 3})
    assert (await find_entry(archive, used))["ended_at"] is None


async def test_run_that_was_overtaken_does_not_speak_for_the_one_after_it(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection, superuser: User
) -> None:
    task_id = order(archive_client, superuser, "archive-unused?days=30")
    async with connected(archive_environment) as holder, holder.transaction():
        await holder.execute("LOCK TABLE entry IN ACCESS EXCLUSIVE MODE")
        worker_process = start_worker(archive_environment)
        await wait_for_state(archive_client, superuser, task_id, "running")
        # As if the hour were over, and another had begun it just now.
        await archive.execute("UPDATE admin_task SET started_at = now()")
    assert await asyncio.to_thread(worker_process.wait, WAIT_SECONDS) == 0
    assert get_job(archive_client, superuser, task_id)["state"] == "running"


async def test_unknown_task_is_not_found(
    archive_client: httpx.Client, archive: asyncpg.Connection, superuser: User
) -> None:
    await insert_owner(archive)
    answer = archive_client.get(f"/api/v1/admin/tasks/{uuid4()}", headers=superuser.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def wait_for_state(client: httpx.Client, superuser: User, task_id: str, state: str) -> None:
    await eventually_async(lambda: get_job(client, superuser, task_id)["state"] == state, f"a task that is {state}")
