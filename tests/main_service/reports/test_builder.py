"""Building reports: once, by any worker; again after a worker was killed; not for ever if it always fails."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support import forking
from tests.support.accounts import User, account_id_of, emails_to
from tests.support.collections import insert_collection
from tests.support.engines import START_SECONDS, Environment, full
from tests.support.entries import owned_link
from tests.support.gates import Gated
from tests.support.reports import (
    backdate_entries,
    build_ordered_reports,
    confirmed_user,
    download_report,
    get_report,
    open_workbook,
    order_report,
    report_path,
    sheet_rows,
)
from tests.support.statistics import insert_hour_counts
from tests.support.waiting import eventually_async
from tests.support.web import Process
from tests.support.workers import code_of, main_worker, send_task

ROUND = code_of("build_report")
ATTEMPTS = "SELECT attempts, due_at > now() AS waits FROM report WHERE id = $1"
STORE_AWAY = {
    "MAIN_BODY_STORE_URL": "s3://texts/bodies",
    "MAIN_BODY_STORE_ENDPOINT": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
}


@contextmanager
def a_round(environment: Environment) -> Iterator[Process]:
    """A round of the task in a process of its own, killed at the end if it still runs."""
    process = forking.start("-c", ROUND, environment=full(environment))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
async def reporting_user(client: httpx.Client, environment: Environment, database: asyncpg.Connection) -> User:
    """No report of another test is waiting."""
    await database.execute("DELETE FROM report WHERE finished_at IS NULL")
    return await confirmed_user(client, database)


async def build_until_ready(client: httpx.Client, environment: Environment, user: User, report: dict[str, Any]) -> None:
    """PostgreSQL finds out a moment later that a client was killed."""

    async def is_ready() -> bool:
        await build_ordered_reports(environment)
        return bool(get_report(client, user, report)["state"] == "ready")

    await eventually_async(is_ready, "a report that is ready")


@pytest.mark.parametrize(
    "said",
    [
        (b"UPDATE report", b"COMMIT"),
        (b"FROM visit_day_value",),
        (b"INSERT INTO mail",),
    ],
)
async def test_report_whose_worker_was_killed_is_built_by_the_next_round(
    gated: Gated,
    client: httpx.Client,
    environment: Environment,
    database: asyncpg.Connection,
    reporting_user: User,
    said: tuple[bytes, ...],
) -> None:
    key = owned_link(client, reporting_user)
    await backdate_entries(database, key)
    await insert_hour_counts(database, key, "2026-03-05 10:00", people=7)
    report = order_report(client, reporting_user)

    with gated.postgres.stop_at(*said, hold="answer") as stop, a_round(gated.environment) as process:
        stop.wait()
        process.kill()
        process.wait()

    assert get_report(client, reporting_user, report)["state"] == "building"
    await build_until_ready(client, environment, reporting_user, report)
    assert sheet_rows(open_workbook(download_report(client, reporting_user, report).content), "Visits per day")[0][
        1:3
    ] == [
        key,
        7,
    ]
    assert [template for template, _ in await emails_to(database, reporting_user.email)].count("report") == 1


async def test_second_worker_leaves_a_report_to_the_first(
    gated: Gated, client: httpx.Client, environment: Environment, database: asyncpg.Connection, reporting_user: User
) -> None:
    report = order_report(client, reporting_user)

    with (
        gated.postgres.stop_at(b"FROM visit_day_value", hold="answer") as stop,
        a_round(gated.environment) as process,
    ):
        stop.wait()
        other = order_report(client, reporting_user)
        assert await build_ordered_reports(environment) == 1
        assert [get_report(client, reporting_user, each)["state"] for each in (report, other)] == ["building", "ready"]
        stop.release()
        assert process.wait(START_SECONDS) == 0

    assert get_report(client, reporting_user, report)["state"] == "ready"
    attempts = await database.fetchval(
        "SELECT sum(attempts) FROM report WHERE id = ANY($1)", [report["id"], other["id"]]
    )
    assert attempts == 2
    assert [template for template, _ in await emails_to(database, reporting_user.email)].count("report") == 2


async def test_report_that_is_deleted_while_it_is_built_leaves_nothing(
    gated: Gated, client: httpx.Client, environment: Environment, database: asyncpg.Connection, reporting_user: User
) -> None:
    report = order_report(client, reporting_user)

    with (
        gated.postgres.stop_at(b"FROM visit_day_value", hold="answer") as stop,
        a_round(gated.environment) as process,
    ):
        stop.wait()
        assert client.delete(f"/api/v1/reports/{report['id']}", headers=reporting_user.headers).status_code == 204
        stop.release()
        assert process.wait(START_SECONDS) == 0

    assert not report_path(environment, report).exists()
    assert [template for template, _ in await emails_to(database, reporting_user.email)].count("report") == 0


async def test_report_is_of_one_moment(
    gated: Gated, client: httpx.Client, environment: Environment, database: asyncpg.Connection, reporting_user: User
) -> None:
    key = owned_link(client, reporting_user)
    await backdate_entries(database, key)
    await insert_hour_counts(database, key, "2026-03-05 10:00", people=7)
    report = order_report(client, reporting_user)

    with (
        gated.postgres.stop_at(b"FROM mine", hold="answer") as stop,
        a_round(gated.environment) as process,
    ):
        stop.wait()
        await insert_hour_counts(database, key, "2026-03-05 11:00", people=1000)
        stop.release()
        assert process.wait(START_SECONDS) == 0

    workbook = open_workbook(download_report(client, reporting_user, report).content)
    assert sheet_rows(workbook, "Visits per day")[0][2] == sheet_rows(workbook, "Entries")[0][10] == 7


async def test_report_that_kills_its_workers_is_given_up(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection, reporting_user: User
) -> None:
    report = order_report(client, reporting_user)
    # As four workers left it that did not come to say why.
    await database.execute("UPDATE report SET attempts = 4, started_at = now() WHERE id = $1", report["id"])

    assert await build_ordered_reports(environment) == 0

    failed = get_report(client, reporting_user, report)
    assert failed["state"] == "failed"
    assert failed["failure"] == "Something went wrong while building it. It is in the log of the worker."
    assert download_report(client, reporting_user, report).json()["code"] == "report_unfinished"
    assert await build_ordered_reports(environment) == 0


async def test_report_that_cannot_be_made_is_tried_four_times_and_says_so(
    client: httpx.Client,
    environment: Environment,
    database: asyncpg.Connection,
    reporting_user: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, good = order_report(client, reporting_user), order_report(client, reporting_user)
    # A day that no calendar of ours goes beyond.
    await database.execute("UPDATE report SET last_day = '9999-12-31' WHERE id = $1", broken["id"])

    for attempt in range(1, 5):
        await build_ordered_reports(environment)
        row = await database.fetchrow(
            "SELECT attempts, due_at > now() AS waits FROM report WHERE id = $1", broken["id"]
        )
        assert tuple(row) == (attempt, attempt < 4)
        assert get_report(client, reporting_user, broken)["state"] == ("asked" if attempt < 4 else "failed")
        await build_ordered_reports(environment)
        await database.execute("UPDATE report SET due_at = now() WHERE finished_at IS NULL")

    assert "in the log of the worker" in get_report(client, reporting_user, broken)["failure"]
    assert f"Report {broken['id']} failed at attempt 4" in caplog.text
    assert "OverflowError" in caplog.text
    assert get_report(client, reporting_user, good)["state"] == "ready"


async def test_report_waits_for_an_object_store_that_is_away(
    client: httpx.Client,
    environment: Environment,
    database: asyncpg.Connection,
    reporting_user: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = order_report(client, reporting_user)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, STORE_AWAY[name])

    assert await build_ordered_reports(environment | STORE_AWAY) == 0

    row = await database.fetchrow(ATTEMPTS, report["id"])
    assert tuple(row) == (0, True)
    assert get_report(client, reporting_user, report)["state"] == "asked"
    await database.execute("UPDATE report SET due_at = now() WHERE id = $1", report["id"])
    assert await build_ordered_reports(environment) == 1


async def test_report_of_a_collection_that_was_deleted_says_why_it_failed(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection, reporting_user: User
) -> None:
    collection_id = await insert_collection(database, account_id_of(client, reporting_user), name="short-lived")
    report = order_report(client, reporting_user, collection="short-lived")
    client.delete(f"/api/v1/collections/{collection_id}", headers=reporting_user.headers).raise_for_status()

    await build_ordered_reports(environment)

    failed = get_report(client, reporting_user, report)
    assert (failed["state"], failed["collection"]) == ("failed", "short-lived")
    assert failed["failure"] == "The collection was deleted before the report was built."


async def test_reports_are_kept_in_a_bucket_too(
    s3_environment: Environment,
    database: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    reporting_user: User,
    s3_web: Any,
) -> None:
    for name, value in s3_environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    with s3_web.new_client() as client:
        report = order_report(client, reporting_user, format="csv")
        assert await build_ordered_reports(s3_environment) == 1
        answer = download_report(client, reporting_user, report)
        assert len(answer.content) == get_report(client, reporting_user, report)["size_bytes"]
        assert answer.content.startswith(b"PK")
        client.delete(f"/api/v1/reports/{report['id']}", headers=reporting_user.headers).raise_for_status()


async def test_worker_builds_what_its_beat_asks_for(
    client: httpx.Client, environment: Environment, reporting_user: User, tmp_path: Path
) -> None:
    report = order_report(client, reporting_user)

    with main_worker(environment, tmp_path / "log") as worker:
        for task in ("build_report", "send_daily_reports", "forget_reports"):
            send_task(f"main_service.{task}", environment=environment)
        await asyncio.to_thread(worker.wait_for, f"Report {report['id']} is ready")

    assert get_report(client, reporting_user, report)["state"] == "ready"
