"""The email that a report goes with: the file attached, or a link that ends when the file does."""

import re
from email.message import EmailMessage
from typing import Any

import asyncpg
import httpx
import pytest

from tests.support.accounts import User
from tests.support.collections import create_collection
from tests.support.engines import Environment
from tests.support.entries import owned_link
from tests.support.mail import MailWorker
from tests.support.reports import (
    backdate_entries,
    build_ordered_reports,
    confirmed_user,
    download_report,
    open_workbook,
    order_report,
    report_path,
)
from tests.support.smtp_server import Inbox, text_of_email

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
async def confirmed(report_client: httpx.Client, report_database: asyncpg.Connection, inbox: Inbox) -> User:
    """A user with a confirmed address, and no email that is waiting."""
    registered = await confirmed_user(report_client, report_database)
    await report_database.execute("TRUNCATE mail")
    return registered


async def built(client: httpx.Client, environment: Environment, user: User, **fields: Any) -> dict[str, Any]:
    report = order_report(client, user, **fields)
    await build_ordered_reports(environment)
    return report


def email_to(inbox: Inbox, user: User) -> EmailMessage:
    (email,) = inbox.emails_to(user.email)
    return email


def link_in(email: EmailMessage) -> str:
    """The link with a token in an email, without the address of the service."""
    (link,) = [line for line in text_of_email(email).splitlines() if "?token=" in line]
    assert link in text_of_email(email, "html").replace("&amp;", "&")
    return link.removeprefix("http://slipbin.test")


@pytest.mark.parametrize(("file_format", "media_type"), [("xlsx", XLSX), ("csv", "application/zip")])
async def test_report_is_mailed_with_its_file(
    report_client: httpx.Client,
    report_environment: Environment,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    confirmed: User,
    file_format: str,
    media_type: str,
) -> None:
    report = await built(report_client, report_environment, confirmed, format=file_format)
    report_mail_worker.run()
    report_mail_worker.run()

    email = email_to(inbox, confirmed)
    assert email["Subject"] == "Your report of 2026-03-01 to 2026-03-31"
    (attached,) = email.iter_attachments()
    name = attached.get_filename()
    assert name in text_of_email(email)
    assert (attached.get_content_type(), attached.get_content_disposition()) == (media_type, "attachment")
    assert attached.get_content() == download_report(report_client, confirmed, report).content
    encoded = inbox.received[0][1].rpartition(b'filename="')[2].splitlines()[1:]
    assert max(map(len, encoded)) <= 76, "more than RFC 2045 lets a line of base64 have"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Reading list", r"slipbin-reading-list-2026-03-01-to-2026-03-31\.xlsx"),
        ("reading-list", r"slipbin-reading-list-[0-9a-f]{8}-2026-03-01-to-2026-03-31\.xlsx"),
        ("Список", r"slipbin-[0-9a-f]{8}-2026-03-01-to-2026-03-31\.xlsx"),
        ('../"; a=b', r"slipbin-a-b-[0-9a-f]{8}-2026-03-01-to-2026-03-31\.xlsx"),
        ("x" * 100, r"slipbin-x{40}-[0-9a-f]{8}-2026-03-01-to-2026-03-31\.xlsx"),
    ],
)
async def test_collection_of_a_report_is_named_in_its_subject_and_its_file(
    report_client: httpx.Client,
    report_environment: Environment,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    confirmed: User,
    name: str,
    file: str,
) -> None:
    create_collection(report_client, confirmed, name)
    report = await built(report_client, report_environment, confirmed, collection=name)
    report_mail_worker.run()

    email = email_to(inbox, confirmed)
    assert email["Subject"] == f"Your report of “{name}”, 2026-03-01 to 2026-03-31"
    assert f"the collection “{name}”" in text_of_email(email)
    (attached,) = email.iter_attachments()
    attached_name = attached.get_filename()
    assert attached_name is not None
    assert re.fullmatch(file, attached_name), attached_name
    assert attached_name in text_of_email(email)
    assert (
        download_report(report_client, confirmed, report).headers["content-disposition"]
        == f'attachment; filename="{attached_name}"'
    )


async def test_link_of_the_email_works_without_signing_in_as_long_as_the_file_is_there(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    confirmed: User,
) -> None:
    report = await built(report_client, report_environment, confirmed)
    report_mail_worker.run()
    link = link_in(email_to(inbox, confirmed))
    path, _, token = link.partition("?token=")

    assert open_workbook(report_client.get(link).content).sheetnames[0] == "Summary"
    for wrong in (
        f"{path}?token={token[:-1]}{'0' if token[-1] != '0' else '1'}",
        f"{path}?token=",
        f"{path}?token=a-b",
    ):
        assert report_client.get(wrong).json()["code"] == "link_invalid"
    other = await built(report_client, report_environment, confirmed)
    forged = link.replace(report["id"], other["id"])
    assert report_client.get(forged).json()["code"] == "link_invalid"
    await report_database.execute("UPDATE account SET is_active = false")
    assert report_client.get(link).status_code == 404
    await report_database.execute("UPDATE account SET is_active = true")
    await report_database.execute("UPDATE report SET expires_at = now()")
    assert report_client.get(link).json()["code"] == "report_expired"
    report_client.delete(f"/api/v1/reports/{report['id']}", headers=confirmed.headers).raise_for_status()
    assert report_client.get(link).status_code == 404


async def test_link_is_over_by_its_own_clock_too(
    report_client: httpx.Client,
    report_environment: Environment,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    confirmed: User,
) -> None:
    # A second is less than the round takes that sends it.
    await built(report_client, report_environment | {"MAIN_REPORT_LIFETIME": "PT0.001S"}, confirmed)
    report_mail_worker.run()

    answer = report_client.get(link_in(email_to(inbox, confirmed)))

    assert (answer.status_code, answer.json()["code"]) == (400, "link_invalid")


async def test_large_report_goes_as_a_link_alone(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    confirmed: User,
) -> None:
    # Hex that compresses to half, some 12 MB.
    key = owned_link(report_client, confirmed)
    await backdate_entries(report_database, key)
    await report_database.execute(
        """
        INSERT INTO visit_day_value (key, day, dimension, value, visits)
        SELECT $1, '2026-03-01', 'referrer',
               (SELECT string_agg(md5(n::text || i), '') FROM generate_series(1, 16) AS i), 1
          FROM generate_series(1, 45000) AS n
        """,
        key,
    )
    report = await built(report_client, report_environment, confirmed)
    report_mail_worker.run()

    email = email_to(inbox, confirmed)
    assert email.get_content_type() == "multipart/alternative"
    file = report_client.get(link_in(email)).content
    assert len(file) > 10_000_000
    assert f"({len(file) / 1_000_000:.1f} MB) is too large to attach" in text_of_email(email)
    assert file == report_path(report_environment, report).read_bytes()


async def test_email_whose_file_is_gone_goes_with_the_link(
    report_client: httpx.Client,
    report_environment: Environment,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    confirmed: User,
) -> None:
    report = await built(report_client, report_environment, confirmed)
    report_path(report_environment, report).unlink()

    log = report_mail_worker.run()

    assert "goes without its attachment, which is gone" in log
    email = email_to(inbox, confirmed)
    assert email.get_content_type() == "multipart/alternative"
    assert "too large to attach" in text_of_email(email)


async def test_email_that_is_too_large_for_a_server_goes_with_the_link(
    report_client: httpx.Client,
    report_environment: Environment,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    confirmed: User,
) -> None:
    await built(report_client, report_environment, confirmed)
    inbox.refused_kind = "multipart/mixed"

    log = report_mail_worker.run()

    assert "goes without its attachment: refused with 552" in log
    assert "Sent 1 emails" in log
    assert email_to(inbox, confirmed).get_content_type() == "multipart/alternative"


async def test_email_that_is_put_off_keeps_its_file_for_three_attempts(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    confirmed: User,
) -> None:
    await built(report_client, report_environment, confirmed)
    await built(report_client, report_environment, confirmed)
    await report_database.execute("UPDATE mail SET attempts = id % 2 + 2")

    report_mail_worker.run()

    kinds = sorted(email.get_content_type() for email in inbox.emails_to(confirmed.email))
    assert kinds == ["multipart/alternative", "multipart/mixed"]


async def test_nothing_is_mailed_to_an_address_that_is_not_confirmed_any_more(
    report_client: httpx.Client,
    report_environment: Environment,
    report_database: asyncpg.Connection,
    report_mail_worker: MailWorker,
    inbox: Inbox,
    confirmed: User,
) -> None:
    report = order_report(report_client, confirmed)
    await report_database.execute("UPDATE account SET is_verified = false")
    await build_ordered_reports(report_environment)
    report_mail_worker.run()

    assert inbox.recipients == []
    assert download_report(report_client, confirmed, report).status_code == 200
