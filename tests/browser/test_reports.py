"""The page of reports in a browser: a report is asked for, made, fetched and deleted; every state in every view."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openpyxl
from playwright.sync_api import expect

from tests.browser.account_pages import sign_in
from tests.browser.page_checks import content_width, serious_findings
from tests.browser.tour import send_unchecked
from tests.browser.visitor import NewVisitor, View, in_every_view, with_and_without_scripts
from tests.support.accounts import User, new_user
from tests.support.collections import create_collection
from tests.support.database import connected
from tests.support.engines import Environment
from tests.support.entries import create_link
from tests.support.reports import build_ordered_reports, report_order
from tests.support.web import WebServer

LONGEST = "W" * 100
STATES = {
    "asked": "asked_at = now()",
    "building": "started_at = now()",
    "ready": "finished_at = now(), size_bytes = 123456789, expires_at = now() + interval '1 day'",
    "failed": f"finished_at = now(), failure = '{LONGEST}', expires_at = now() + interval '1 day'",
    "expired": "finished_at = now(), size_bytes = 1, expires_at = now() - interval '1 day'",
}


def run(work: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine to its end in another thread: in this one, Playwright's event loop counts as running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


async def execute(environment: Environment, statement: str, *values: object) -> None:
    async with connected(environment) as connection:
        await connection.execute(statement, *values)


def confirmed(site: WebServer, environment: Environment) -> User:
    user = new_user(site.client)
    run(execute(environment, "UPDATE account SET is_verified = true WHERE email = $1", user.email))
    return user


def ask(site: WebServer, user: User, **fields: str) -> str:
    answer = site.client.post("/api/v1/reports", json=report_order(**fields), headers=user.headers)
    assert answer.status_code == 202, answer.text
    report_id: str = answer.json()["id"]
    return report_id


@with_and_without_scripts
def test_report_is_asked_for_made_fetched_and_deleted(
    new_visitor: NewVisitor, site: WebServer, environment: Environment, tmp_path: Path, view: View, has_scripts: bool
) -> None:
    user = confirmed(site, environment)
    key = create_link(site.client, headers=user.headers, title="Newsletter")["key"]
    visitor = new_visitor(view, has_scripts=has_scripts)
    page = visitor.page
    sign_in(visitor, user)

    visitor.click("Reports")
    assert visitor.path() == "/reports"
    expect(page.get_by_label("From")).to_be_hidden()
    page.get_by_label("Days").select_option("chosen")
    page.get_by_label("From").fill("2026-03-02")
    page.get_by_label("To", exact=True).fill("2026-03-01")
    visitor.click("Create report", status=422)
    assert page.get_by_label("From").input_value() == "2026-03-02"
    expect(page.get_by_label("From")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Days").select_option("week")
    expect(page.get_by_label("From")).to_be_hidden()
    visitor.click("Create report")
    reports = page.get_by_role("region", name="My reports")
    expect(reports).to_contain_text("Waiting")

    run(build_ordered_reports(environment))
    if has_scripts:
        expect(reports).to_contain_text("Ready")
        assert "has been updated" in page.locator("#status").inner_text()
        # In the reader's own time.
        expect(reports.locator("time")).not_to_contain_text("UTC")
    else:
        visitor.click("Refresh")
        expect(reports).to_contain_text("Ready")
    expect(reports).not_to_contain_text("Refresh")

    with page.expect_download() as download:
        reports.get_by_role("link", name="Download the report").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    path = tmp_path / "report.xlsx"
    download.value.save_as(path)
    workbook = openpyxl.load_workbook(path)
    assert [row[0] for row in workbook["Entries"].iter_rows(min_row=2, values_only=True)] == [key]

    visitor.click(reports.get_by_role("button", name="Delete the report"))
    assert "Report deleted." in visitor.main_text()
    expect(reports.get_by_role("listitem")).to_have_count(0)


def test_list_does_not_change_under_the_hand(
    new_visitor: NewVisitor, site: WebServer, environment: Environment
) -> None:
    user = confirmed(site, environment)
    ask(site, user)
    visitor = new_visitor()
    page = visitor.page
    sign_in(visitor, user)
    page.clock.install()
    visitor.open("/reports")
    reports = page.get_by_role("region", name="My reports")
    button = reports.get_by_role("button", name="Delete the report")
    button.focus()
    run(build_ordered_reports(environment))

    page.clock.run_for(30_000)
    expect(button).to_be_focused()
    expect(reports).to_contain_text("Waiting")
    page.get_by_label("Format").focus()
    page.clock.run_for(30_000)
    expect(reports).to_contain_text("Ready")
    expect(page.get_by_label("Format")).to_be_focused()


@in_every_view
def test_nothing_serious_is_found_and_nothing_scrolls_sideways(
    new_visitor: NewVisitor, site: WebServer, environment: Environment, view: View
) -> None:
    user = new_user(site.client)
    visitor = new_visitor(view)
    page = visitor.page
    sign_in(visitor, user)
    findings: dict[str, list[str]] = {}

    def look(name: str) -> None:
        if found := serious_findings(page):
            findings[name] = found
        assert content_width(page) == view.width, name

    visitor.open("/reports")
    look("unconfirmed")
    run(execute(environment, "UPDATE account SET is_verified = true WHERE email = $1", user.email))
    visitor.open("/reports")
    look("empty")
    page.get_by_label("Days").select_option("chosen")
    page.get_by_label("From").fill("")
    send_unchecked(visitor, "Create report", status=422)
    look("refused")
    collection = create_collection(site.client, user, LONGEST)
    for state, change in STATES.items():
        report_id = ask(site, user, collection=collection["id"])
        run(execute(environment, f"UPDATE report SET {change} WHERE id = $1", report_id))
        visitor.open("/reports")
        look(state)
    visitor.open("/settings/visits")
    look("settings")

    assert findings == {}
