"""The page of reports, without JavaScript: what one does there, and who may."""

import re
from datetime import date, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from main_service.reports.pages import PresetRange, preset_date_range
from tests.support.accounts import User, sign_in_on_page
from tests.support.collections import create_collection
from tests.support.engines import Environment
from tests.support.entries import owned_link
from tests.support.pages import BROWSER, FOREIGN, send_and_follow, send_urlencoded_form, words
from tests.support.reports import (
    build_ordered_reports,
    confirmed_user,
    days_ago,
    download_report,
    get_report,
    open_workbook,
    order_report,
    sheet_rows,
    today,
)
from tests.support.web import WebServer


async def signed_in(client: httpx.Client, database: asyncpg.Connection) -> User:
    """A new user with a confirmed address, whose pages the client opens."""
    user = await confirmed_user(client, database)
    assert sign_in_on_page(client, user.email).status_code == 303
    return user


def shown(client: httpx.Client, address: str = "/reports") -> httpx.Response:
    return client.get(address, headers=BROWSER)


def ask_on_page(client: httpx.Client, **fields: str) -> httpx.Response:
    return send_urlencoded_form(client, "/reports", "/reports", **fields)


def reports_of(client: httpx.Client, user: User) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/v1/reports", headers=user.headers).json()["items"]
    return found


def selected(page: httpx.Response, name: str) -> str:
    """The value of the option that a list on the page stands at; the first, if none is marked."""
    box = re.search(rf'<select id="{name}".*?</select>', page.text, re.DOTALL)
    assert box
    options = re.findall(r'<option value="([^"]*)"( selected)?>', box[0])
    (marked,) = [value for value, mark in options if mark] or [options[0][0]]
    return unescape(marked)


def typed(page: httpx.Response, name: str) -> str:
    found = re.search(rf'<input id="{name}"[^>]* value="([^"]*)"', page.text)
    assert found
    return unescape(found[1])


async def test_report_is_asked_for_followed_fetched_and_deleted(
    client: httpx.Client, environment: Environment, database: asyncpg.Connection
) -> None:
    user = await signed_in(client, database)
    key = owned_link(client, user, title="Mine <b>")
    collection = create_collection(client, user, "Reading <list>")

    first, last = days_ago(2), today()
    fields = {"span": "chosen", "from": str(first), "to": str(last), "format": "xlsx", "collection": collection["id"]}
    asked = ask_on_page(client, **fields)
    assert (asked.status_code, asked.headers["location"]) == (303, "/reports")
    (report,) = reports_of(client, user)
    assert [report[name] for name in ("from", "to", "format", "collection")] == [
        str(first), str(last), "xlsx", "Reading <list>",
    ]  # fmt: skip
    page = shown(client)
    assert "Reading <list> Workbook (xlsx) Waiting" in words(page)
    assert "<list>" not in page.text
    assert f"A report is on the way, here and to {user.email} . Refresh" in words(page)
    assert f"/reports/{report['id']}/file" not in page.text
    assert shown(client, f"/reports/{report['id']}/file").status_code == 409

    assert ask_on_page(client, span="week", format="xlsx").status_code == 303
    await build_ordered_reports(environment)
    page = shown(client)
    assert ("Refresh" in words(page), words(page).count("Ready")) == (False, 2)
    everything = reports_of(client, user)[0]
    assert (everything["from"], everything["to"], everything["collection"]) == (str(days_ago(6)), str(today()), None)
    got = shown(client, f"/reports/{everything['id']}/file")
    assert got.content == download_report(client, user, everything).content
    assert got.headers["content-disposition"] == f'attachment; filename="slipbin-{days_ago(6)}-to-{today()}.xlsx"'
    assert [row[0] for row in sheet_rows(open_workbook(got.content), "Entries")] == [key]

    gone = send_and_follow(client, "/reports", f"/reports/{report['id']}/delete")
    assert "Report deleted." in words(gone)
    assert "Reading <list> Workbook" not in words(gone)
    assert shown(client, f"/reports/{report['id']}/file").status_code == 404
    again = send_urlencoded_form(client, "/reports", f"/reports/{report['id']}/delete")
    assert (again.status_code, "This report has already been deleted." in words(again)) == (404, True)
    assert [each["id"] for each in reports_of(client, user)] == [everything["id"]]


async def test_each_state_says_what_one_can_do(client: httpx.Client, database: asyncpg.Connection) -> None:
    user = await signed_in(client, database)
    collection = create_collection(client, user)
    report = order_report(client, user, format="csv", collection=collection["name"])

    async def become(change: str) -> str:
        await database.execute(f"UPDATE report SET {change} WHERE id = $1", report["id"])
        return words(shown(client))

    assert "1 to 31 Mar 2026" in words(shown(client))
    assert "CSV files (zip) Waiting" in words(shown(client))
    assert "In progress" in await become("started_at = now()")
    ended = "finished_at = now(), expires_at = now() + interval '1 day'"
    failed = await become(f"{ended}, failure = 'The <b> reason.'")
    assert "Failed The <b> reason. Create it again ; if it fails again, tell the people who run this service" in failed
    assert "Ready, 2.0 KiB, until" in (await become(f"{ended}, failure = NULL, size_bytes = 2048")).replace(" ,", ",")
    assert "Expired" in await become("expires_at = now() - interval '1 day'")
    assert shown(client, f"/reports/{report['id']}/file").status_code == 410

    again = re.search(r'href="(/reports\?[^"]+)#new-heading"', shown(client).text)
    assert again
    page = shown(client, unescape(again[1]))
    assert (typed(page, "from"), typed(page, "to")) == ("2026-03-01", "2026-03-31")
    assert [selected(page, name) for name in ("span", "format", "collection")] == ["chosen", "csv", collection["id"]]
    client.delete(f"/api/v1/collections/{collection['id']}", headers=user.headers).raise_for_status()
    assert "Create it again" not in words(shown(client))


@pytest.mark.parametrize(
    ("wrong", "status", "field", "sentence"),
    [
        ({"from": ""}, 422, "from", "Give a day"),
        ({"to": "31.3.2026"}, 422, "to", "Give a day"),
        ({"from": "2026-04-01"}, 422, "from", "ends before it begins"),
        ({"from": "2024-04-01"}, 422, "from", "at most 400 days"),
        ({"from": "9000-01-01", "to": "9000-01-02"}, 422, "from", "begins in the future"),
        ({"span": "year"}, 422, "span", "Choose one from the list"),
        ({"format": "pdf"}, 422, "format", "should be"),
        ({"collection": str(uuid4())}, 404, "collection", "no longer exists"),
    ],
)
async def test_what_is_wrong_is_said_at_its_field_and_all_that_was_typed_stays(
    client: httpx.Client, database: asyncpg.Connection, wrong: dict[str, str], status: int, field: str, sentence: str
) -> None:
    user = await signed_in(client, database)
    collection = create_collection(client, user)
    fields = {"span": "chosen", "from": "2026-03-01", "to": "2026-03-31", "format": "csv"}
    fields |= {"collection": collection["id"]} | wrong

    page = ask_on_page(client, **fields)

    assert (page.status_code, sentence in words(page)) == (status, True), words(page)
    assert f'id="{field}-error"' in page.text
    assert f'<a href="#{field}">' in page.text
    assert page.text.count('aria-invalid="true"') == 1
    assert (typed(page, "from"), typed(page, "to")) == (fields["from"], fields["to"])
    for name in {"span", "format", "collection"} - set(wrong):
        assert selected(page, name) == fields[name]
    assert reports_of(client, user) == []


async def test_more_than_may_wait_are_refused_with_a_sentence(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = await signed_in(client, database)
    for _ in range(3):
        assert ask_on_page(client, span="month", format="csv").status_code == 303

    page = ask_on_page(client, span="last-month", format="csv")

    assert (page.status_code, page.headers["retry-after"]) == (429, "60")
    assert "3 unfinished reports" in words(page)
    assert (selected(page, "span"), selected(page, "format")) == ("last-month", "csv")
    assert len(reports_of(client, user)) == 3


async def test_unconfirmed_address_is_told_and_offered_the_email_again(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    user = await signed_in(client, database)
    await database.execute("UPDATE account SET is_verified = false WHERE email = $1", user.email)

    page = shown(client)
    assert "Confirm your email Reports are sent by email" in words(page)
    assert "Create report" not in page.text
    sent = send_and_follow(client, "/reports", "/settings/confirm")
    assert f"Check your email: we've sent a link to {user.email}" in words(sent)
    refused = ask_on_page(client, span="week", format="xlsx")
    assert (refused.status_code, "Confirm your email before you create reports" in words(refused)) == (403, True)
    assert reports_of(client, user) == []


async def test_others_find_nothing_and_guests_are_led_to_sign_in(
    client: httpx.Client, web: WebServer, environment: Environment, database: asyncpg.Connection
) -> None:
    owner = await signed_in(client, database)
    report = order_report(client, owner)
    await build_ordered_reports(environment)
    place = f"/reports/{report['id']}"

    with web.new_client() as guest, web.new_client() as other:
        await signed_in(other, database)
        for page in ("/reports", "/reports?span=week&collection=1", f"{place}/file"):
            answer = shown(guest, page)
            assert (answer.status_code, answer.headers["location"].partition("%3F")[0]) == (
                303, f"/sign-in?next={page.partition('?')[0]}",
            )  # fmt: skip
            # Pages ignore bearer tokens.
            assert guest.get(page, headers=BROWSER | owner.headers).status_code == 303
        for address in ("/reports", f"{place}/delete"):
            answer = guest.post(address, data={"span": "week"}, headers=BROWSER)
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/reports")
            for foreign in FOREIGN:
                forged = client.post(address, data={"span": "week"}, headers=BROWSER | foreign)
                assert (forged.status_code, "another site's page" in words(forged)) == (403, True)
        theirs, unknown = (shown(other, f"/reports/{each}/file") for each in (report["id"], uuid4()))
        assert (theirs.status_code, theirs.content) == (404, unknown.content)
        assert send_urlencoded_form(other, "/reports", f"{place}/delete").status_code == 404
        assert report["id"] not in shown(other).text
    assert get_report(client, owner, report)["state"] == "ready"
    assert len(reports_of(client, owner)) == 1
    assert shown(client, f"{place}/file").status_code == 200


async def test_addresses_of_forms_lead_back_and_others_nowhere(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    await signed_in(client, database)

    answer = shown(client, f"/reports/{uuid4()}/delete")
    assert (answer.status_code, answer.headers["location"]) == (303, "/reports")
    for address in ("/reports/no-id/delete", "/reports/no-id/file", "/reports/%00/file", f"/reports/{uuid4()}"):
        assert shown(client, address).status_code == 404, address
    for page in ("/profile", "/settings", "/collections"):
        assert '<a href="/reports">Reports</a>' in shown(client, page).text


@pytest.mark.parametrize(
    ("preset", "first", "last"),
    [
        (PresetRange.WEEK, "2026-02-26", "2026-03-04"),
        (PresetRange.MONTH, "2026-02-03", "2026-03-04"),
        (PresetRange.LAST_MONTH, "2026-02-01", "2026-02-28"),
        (PresetRange.CHOSEN, "2026-02-03", "2026-03-04"),
    ],
)
def test_preset_range_is_of_whole_days_up_to_today_or_of_the_month_that_is_over(
    preset: PresetRange, first: str, last: str
) -> None:
    days = preset_date_range(preset, date(2026, 3, 4))

    assert (str(days.first), str(days.last)) == (first, last)


def test_month_before_january_is_in_the_year_before() -> None:
    days = preset_date_range(PresetRange.LAST_MONTH, date(2027, 1, 31))

    assert (days.first, days.last) == (date(2026, 12, 1), date(2027, 1, 1) - timedelta(days=1))
