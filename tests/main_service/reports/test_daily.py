"""The daily report: one email about yesterday to each user who wants it and had visits."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from main_service.reports.daily import DailyReports
from tests.support.accounts import User, new_user
from tests.support.engines import Environment
from tests.support.entries import owned_link
from tests.support.mail import MailWorker
from tests.support.reports import confirmed_user
from tests.support.settings import task_resources
from tests.support.smtp_server import Inbox, text_of_email
from tests.support.statistics import insert_hour_counts

TODAY = date(2026, 5, 10)
YESTERDAY = date(2026, 5, 9)
MORNING = datetime(2026, 5, 10, 0, 15, tzinfo=UTC)


def want(client: httpx.Client, user: User, *, is_wanted: bool = True) -> dict[str, Any]:
    answer = client.patch("/api/v1/users/me", json={"daily_report": is_wanted}, headers=user.headers)
    assert answer.status_code == 200, answer.text
    account: dict[str, Any] = answer.json()
    return account


@pytest.fixture
async def wanting_user(report_client: httpx.Client, report_database: asyncpg.Connection, inbox: Inbox) -> User:
    """Wants the report, and has wanted it for long."""
    wanting = await confirmed_user(report_client, report_database)
    want(report_client, wanting)
    await report_database.execute("UPDATE account SET daily_report_day = '2026-05-01'")
    await report_database.execute("TRUNCATE mail")
    return wanting


async def send(environment: Environment, now: datetime = MORNING) -> int:
    async with task_resources(environment) as resources:
        return await DailyReports(sessions=resources.sessions, public_url=resources.settings.public_url).send(now)


async def enqueued_days(report_database: asyncpg.Connection) -> list[str]:
    """The days that emails are about."""
    return [
        row["cause"].rpartition(":")[2] for row in await report_database.fetch("SELECT cause FROM mail ORDER BY id")
    ]


async def test_email_says_how_many_came_and_where(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    wanting_user: User,
) -> None:
    keys = [owned_link(report_client, wanting_user, title=f"<b>Number</b> {number}") for number in range(7)]
    untitled = owned_link(report_client, wanting_user)
    for number, key in enumerate(keys):
        await insert_hour_counts(report_database, key, "2026-05-09 00:00", people=number)
        await insert_hour_counts(report_database, key, "2026-05-09 23:00", people=1000 * number, bots=1)
        for outside in ("2026-05-08 23:00", "2026-05-10 00:00"):
            await insert_hour_counts(report_database, key, outside, people=50_000, bots=50_000)
    await insert_hour_counts(report_database, untitled, "2026-05-09 12:00", people=5500)

    assert await send(report_environment) == 1
    report_mail_worker.run()

    (email,) = inbox.emails_to(wanting_user.email)
    assert email["Subject"] == "26,521 visits on 2026-05-09"
    text, html = text_of_email(email), text_of_email(email, "html")
    assert "26,521 visits,\nand 7 by crawlers" in text.replace("\r\n", "\n")
    lines = [line for line in text.splitlines() if " × " in line]
    assert lines == [
        "6,006 × <b>Number</b> 6",
        f"5,500 × http://slipbin.test/{untitled}",
        *(f"{number},00{number} × <b>Number</b> {number}" for number in (5, 4, 3)),
    ]
    assert f"http://slipbin.test/{keys[6]}/stats" in text.splitlines()
    assert f'6,006 × <a href="http://slipbin.test/{keys[6]}/stats">&lt;b&gt;Number&lt;/b&gt; 6</a>' in html
    assert "http://slipbin.test/settings" in text


async def test_each_day_has_one_email_however_often_it_runs(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    wanting_user: User,
) -> None:
    key = owned_link(report_client, wanting_user)
    for day in ("08", "09", "10"):
        await insert_hour_counts(report_database, key, f"2026-05-{day} 10:00")

    enqueued = await asyncio.gather(*(send(report_environment) for _ in range(4)))
    enqueued.append(await send(report_environment, MORNING + timedelta(hours=20)))
    assert sorted(enqueued) == [0, 0, 0, 0, 1]
    # As a database does that was put back to what it was.
    await report_database.execute("UPDATE account SET daily_report_day = NULL")
    assert await send(report_environment) == 0
    assert await send(report_environment, MORNING + timedelta(days=1)) == 1
    assert await enqueued_days(report_database) == ["2026-05-09", "2026-05-10"]


async def test_worker_that_was_down_catches_up_with_yesterday_and_no_further(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    wanting_user: User,
) -> None:
    key = owned_link(report_client, wanting_user)
    for day in ("07", "08", "09"):
        await insert_hour_counts(report_database, key, f"2026-05-{day} 10:00")

    assert await send(report_environment, datetime.combine(TODAY, time(23, 59), UTC)) == 1
    assert await enqueued_days(report_database) == ["2026-05-09"]


async def test_nothing_is_sent_before_the_visits_of_the_day_have_come(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    wanting_user: User,
) -> None:
    key = owned_link(report_client, wanting_user)
    for day in ("08", "09"):
        await insert_hour_counts(report_database, key, f"2026-05-{day} 10:00")

    assert await send(report_environment, MORNING - timedelta(microseconds=1)) == 0
    assert await enqueued_days(report_database) == []
    assert await send(report_environment) == 1


async def test_without_a_visit_there_is_no_email(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    wanting_user: User,
) -> None:
    await insert_hour_counts(
        report_database, owned_link(report_client, wanting_user), "2026-05-09 10:00", people=0, bots=5
    )
    other = await confirmed_user(report_client, report_database)
    await report_database.execute("TRUNCATE mail")
    await insert_hour_counts(report_database, owned_link(report_client, other), "2026-05-09 10:00")

    assert await send(report_environment) == 0
    assert await enqueued_days(report_database) == []


@pytest.mark.parametrize("change", ["is_verified = false", "is_active = false", "daily_report = false"])
async def test_only_who_wants_it_and_can_be_written_to_gets_it(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    wanting_user: User,
    change: str,
) -> None:
    await insert_hour_counts(report_database, owned_link(report_client, wanting_user), "2026-05-09 10:00")
    await report_database.execute(f"UPDATE account SET {change}")

    assert await send(report_environment) == 0


async def test_many_users_get_theirs_in_batches(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    wanting_user: User,
) -> None:
    await report_database.execute(
        """
        INSERT INTO account (id, email, hashed_password, is_active, is_superuser, is_verified, registered_at,
                             session_epoch, daily_report)
        SELECT gen_random_uuid(), 'reader' || n || '@example.org', '', true, false, true, now(), 0, true
          FROM generate_series(1, 250) AS n
        """
    )
    await report_database.execute(
        """
        INSERT INTO entry (key, kind, owner_id, visibility, created_at, updated_at, original_url, target_digest)
        SELECT 'of-' || id, 'link', id, 'private', now(), now(), 'https://example.org/', '' FROM account
        """
    )
    await report_database.execute(
        "INSERT INTO visit_hour (key, hour_at, people) SELECT key, $1, 1 FROM entry",
        datetime.combine(YESTERDAY, time(5), UTC),
    )

    assert await send(report_environment) == 251
    assert await report_database.fetchval("SELECT count(DISTINCT recipient) FROM mail") == 251


async def test_first_email_is_about_the_day_that_it_was_asked_for(
    report_client: httpx.Client, report_environment: Environment, report_database: asyncpg.Connection
) -> None:
    user = await confirmed_user(report_client, report_database)
    await report_database.execute("TRUNCATE mail")
    assert report_client.get("/api/v1/users/me", headers=user.headers).json()["daily_report"] is False
    key = owned_link(report_client, user)
    assert want(report_client, user)["daily_report"] is True
    today = datetime.now(UTC).date()
    noon = datetime.combine(today, time(12), UTC)
    for back in (0, 1):
        await insert_hour_counts(report_database, key, noon - timedelta(days=back))

    assert await send(report_environment, noon) == 0
    # Asked for again, it is not put off.
    want(report_client, user)
    assert await send(report_environment, noon + timedelta(days=1)) == 1
    assert await enqueued_days(report_database) == [str(today)]
    assert want(report_client, user, is_wanted=False)["daily_report"] is False
    await insert_hour_counts(report_database, key, noon + timedelta(days=1))
    assert await send(report_environment, noon + timedelta(days=2)) == 0


def test_setting_is_true_or_false(report_client: httpx.Client) -> None:
    user = new_user(report_client)
    for wrong in (None, "perhaps", 7):
        body = {"daily_report": wrong}
        refused = report_client.patch("/api/v1/users/me", json=body, headers=user.headers)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "daily_report")
