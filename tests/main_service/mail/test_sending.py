"""Emails are sent once, whatever happens to the process, the mail server or other emails."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.support.engines import Environment
from tests.support.mail import EnqueueEmail, MailWorker
from tests.support.smtp_server import Inbox, SmtpServer
from tests.support.workers import main_worker, send_task

BOB = "bob@example.org"
EVE = "eve@example.org"


async def one_row(mail_database: asyncpg.Connection, recipient: str = BOB) -> asyncpg.Record:
    rows = await mail_database.fetch('SELECT *, "values"::text AS texts FROM mail WHERE recipient = $1', recipient)
    assert len(rows) == 1
    return rows[0]


async def make_due(mail_database: asyncpg.Connection) -> None:
    await mail_database.execute("UPDATE mail SET due_at = now()")


async def test_an_email_is_sent_once_and_keeps_none_of_its_values(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox, mail_database: asyncpg.Connection
) -> None:
    assert await enqueue_email(BOB)

    assert mail_worker.run() == "INFO Sent 1 emails\n"
    assert mail_worker.run() == ""

    assert inbox.recipients == [BOB]
    row = await one_row(mail_database)
    assert row["texts"] == "{}"
    assert row["sent_at"] - row["created_at"] < timedelta(minutes=1)
    assert (row["attempts"], row["failed_at"]) == (0, None)


async def test_a_real_worker_sends_mail(
    enqueue_email: EnqueueEmail, smtp: SmtpServer, inbox: Inbox, mail_environment: Environment, tmp_path: Path
) -> None:
    await enqueue_email(BOB)
    environment = mail_environment | {"MAIN_SMTP_URL": smtp.url}
    with main_worker(environment, tmp_path / "log") as worker:
        send_task("main_service.send_mail", environment=environment)
        worker.wait_for("Sent 1 emails")
    assert inbox.recipients == [BOB]


async def test_an_email_of_a_transaction_that_is_rolled_back_is_never_sent(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox
) -> None:
    assert await enqueue_email(BOB, is_committed=False)
    mail_worker.run()
    assert inbox.recipients == []


async def test_a_dedup_key_has_one_email_however_many_enqueue_it_at_once(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox
) -> None:
    enqueued = await asyncio.gather(*(enqueue_email(BOB, dedup_key="once") for _ in range(8)))
    mail_worker.run()
    enqueued.append(await enqueue_email(EVE, dedup_key="once"))
    mail_worker.run()
    assert sorted(enqueued) == [False] * 8 + [True]
    assert inbox.recipients == [BOB]


async def test_an_email_that_another_worker_is_sending_is_skipped(
    enqueue_email: EnqueueEmail,
    mail_worker: MailWorker,
    smtp: SmtpServer,
    inbox: Inbox,
    mail_environment: Environment,
    mail_database: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    with MailWorker(mail_environment | {"MAIN_SMTP_URL": smtp.url}, tmp_path / "log") as other:
        await enqueue_email(BOB)
        inbox.is_held = True
        other.begin()
        inbox.wait_for_an_email()
        assert mail_worker.run() == ""
        inbox.is_held = False
        assert other.wait() == "INFO Sent 1 emails\n"

        many = [f"reader{number}@example.org" for number in range(40)]
        for recipient in many:
            await enqueue_email(recipient)
        for sender in (other, mail_worker):
            sender.begin()
        assert "Sent" in mail_worker.wait() + other.wait()
    assert sorted(inbox.recipients) == sorted([BOB, *many])


async def test_worker_that_is_killed_before_the_server_answers_sends_the_same_email_again(
    enqueue_email: EnqueueEmail,
    mail_worker: MailWorker,
    smtp: SmtpServer,
    inbox: Inbox,
    mail_environment: Environment,
    mail_database: asyncpg.Connection,
    tmp_path: Path,
) -> None:
    await enqueue_email(BOB)
    inbox.is_held = True
    with MailWorker(mail_environment | {"MAIN_SMTP_URL": smtp.url}, tmp_path / "log") as killed:
        killed.begin()
        inbox.wait_for_an_email()
    inbox.is_held = False
    # PostgreSQL frees the row when it notices.
    await mail_database.fetch("SELECT 1 FROM mail FOR UPDATE")
    mail_worker.run()

    first, second = inbox.emails_to(BOB)
    assert first["Message-ID"] == second["Message-ID"]
    assert first["Date"] == second["Date"]
    assert (await one_row(mail_database))["sent_at"]


@pytest.mark.parametrize(
    ("attempts", "pause"), [(0, timedelta(minutes=1)), (3, timedelta(minutes=8)), (30, timedelta(hours=6))]
)
async def test_what_the_server_does_not_take_now_waits_twice_as_long_each_time(
    enqueue_email: EnqueueEmail,
    mail_worker: MailWorker,
    inbox: Inbox,
    mail_database: asyncpg.Connection,
    attempts: int,
    pause: timedelta,
) -> None:
    await enqueue_email(BOB)
    await mail_database.execute("UPDATE mail SET attempts = $1", attempts)
    inbox.answers[BOB] = f"451 {BOB} is busy"

    before = datetime.now(UTC)
    log = mail_worker.run()
    after = datetime.now(UTC)

    row = await one_row(mail_database)
    assert before + pause <= row["due_at"] <= after + pause
    assert (row["attempts"], row["sent_at"], row["failed_at"]) == (attempts + 1, None, None)
    assert "waits: refused with 451" in log
    assert mail_worker.run() == ""
    inbox.answers.clear()
    await make_due(mail_database)
    mail_worker.run()
    assert inbox.recipients == [BOB]


@pytest.mark.parametrize("phase", ["recipient", "data"])
async def test_what_the_server_refuses_for_good_is_given_up_at_once_without_a_word_about_whom(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox, mail_database: asyncpg.Connection, phase: str
) -> None:
    answers = inbox.answers if phase == "recipient" else inbox.answers_to_data
    answers[BOB] = f"550 {BOB} is unknown, says a-secret-token"
    await enqueue_email(BOB)

    log = mail_worker.run()

    row = await one_row(mail_database)
    assert row["failed_at"]
    assert (row["sent_at"], row["texts"]) == (None, "{}")
    assert log == f"ERROR Gave up email {row['id']} (reset): refused with 550\n"
    answers.clear()
    await make_due(mail_database)
    assert mail_worker.run() == ""
    assert inbox.recipients == []


@pytest.mark.parametrize(
    ("recipient", "template", "values"),
    [
        ("no address", "reset", {"link": "a-secret-token", "hours": "1"}),
        ("bob@example.org\r\nBcc: eve@example.org", "reset", {"link": "a-secret-token", "hours": "1"}),
        ("bob@example.org, eve@example.org", "reset", {"link": "a-secret-token", "hours": "1"}),
        ("bob@example.org>", "reset", {"link": "a-secret-token", "hours": "1"}),
        (BOB, "reset", {"link": "a-secret-token"}),
        (BOB, "no_such_template", {"link": "a-secret-token"}),
        (BOB, "../layout", {"link": "a-secret-token"}),
    ],
)
async def test_an_email_that_cannot_be_rendered_is_given_up_and_blocks_no_other(
    enqueue_email: EnqueueEmail,
    mail_worker: MailWorker,
    inbox: Inbox,
    mail_database: asyncpg.Connection,
    recipient: str,
    template: str,
    values: dict[str, str],
) -> None:
    await enqueue_email(recipient, template=template, values=values)
    await enqueue_email("carol@example.org")

    log = mail_worker.run()

    assert inbox.recipients == ["carol@example.org"]
    assert (await one_row(mail_database, recipient))["failed_at"]
    assert "Gave up email" in log
    assert "example.org" not in log
    assert "a-secret-token" not in log


async def test_an_email_that_the_server_breaks_off_at_lets_the_others_pass(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox, mail_database: asyncpg.Connection
) -> None:
    inbox.answers[EVE] = "421 enough"
    await enqueue_email(EVE)
    await enqueue_email(BOB)

    mail_worker.run()
    mail_worker.run()

    assert inbox.recipients == [BOB]
    row = await one_row(mail_database, EVE)
    assert (row["attempts"], row["failed_at"]) == (1, None)


async def test_emails_wait_for_a_server_that_is_away(
    enqueue_email: EnqueueEmail,
    mail_worker: MailWorker,
    smtp: SmtpServer,
    inbox: Inbox,
    mail_database: asyncpg.Connection,
) -> None:
    await enqueue_email(BOB)
    await enqueue_email(EVE)
    smtp.stop()
    try:
        assert mail_worker.run() == "WARNING send_mail is put off to its next round: ConnectionRefusedError\n"
        # For a minute the server is not tried again.
        assert mail_worker.run() == ""
    finally:
        smtp.start()
    assert {row["attempts"] for row in await mail_database.fetch("SELECT attempts FROM mail")} == {0}
    await make_due(mail_database)
    mail_worker.run()
    assert sorted(inbox.recipients) == [BOB, EVE]


async def test_an_email_is_given_up_after_two_days(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, inbox: Inbox, mail_database: asyncpg.Connection
) -> None:
    for recipient, hours in ((BOB, 49), (EVE, 47)):
        await enqueue_email(recipient)
        await mail_database.execute(
            "UPDATE mail SET created_at = created_at - $2 * interval '1 hour' WHERE recipient = $1", recipient, hours
        )
    log = mail_worker.run()
    assert inbox.recipients == [EVE]
    row = await one_row(mail_database)
    assert row["failed_at"]
    assert row["texts"] == "{}"
    assert "Gave up 1 emails that had waited for 2 days" in log


async def test_emails_are_purged_after_thirty_days(
    enqueue_email: EnqueueEmail, mail_worker: MailWorker, mail_database: asyncpg.Connection
) -> None:
    for recipient, days in ((BOB, 31), (EVE, 29)):
        await enqueue_email(recipient)
        await mail_database.execute(
            "UPDATE mail SET created_at = now() - $2 * interval '1 day' WHERE recipient = $1", recipient, days
        )
    assert mail_worker.run("forget_mail") == "INFO Purged 1 emails\n"
    assert [row["recipient"] for row in await mail_database.fetch("SELECT recipient FROM mail")] == [EVE]


async def test_without_a_server_emails_wait_and_the_log_says_so_once(
    enqueue_email: EnqueueEmail, mail_environment: Environment, mail_database: asyncpg.Connection, tmp_path: Path
) -> None:
    await enqueue_email(BOB)
    with MailWorker(mail_environment | {"MAIN_SMTP_URL": ""}, tmp_path / "log") as nowhere:
        assert nowhere.run().startswith("WARNING MAIN_SMTP_URL is not set")
        assert nowhere.run() == ""
    row = await one_row(mail_database)
    assert (row["sent_at"], row["failed_at"], row["attempts"]) == (None, None, 0)
    assert "a-secret-token" in row["texts"]
