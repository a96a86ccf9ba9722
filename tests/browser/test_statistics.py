"""The statistics page in a browser: every view, with and without scripts, with what hostile visitors have sent."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import asyncpg
from playwright.sync_api import expect

from tests.browser.account_pages import sign_in
from tests.browser.page_checks import content_width, serious_findings
from tests.browser.payloads import PAYLOADS
from tests.browser.visitor import PHONE, NewVisitor, View, in_every_view, with_and_without_scripts
from tests.support.accounts import new_user
from tests.support.database import connected
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.statistics import INSERT_VALUE, insert_hour_counts
from tests.support.web import WebServer

HOSTILE = [payload.replace("\0", "") for payloads in PAYLOADS.values() for payload in payloads]
LONG = ["w" * 250 + ".example", "\u05e9\u05dc\u05d5\u05dd.example", "\u202egro.elpmaxe", "other", "unknown"]
SHORT = [f"value {n}" for n in range(10)]
DIMENSIONS = ("country", "device", "browser", "os", "language", "referrer")


def run(environment: Environment, action: Callable[[asyncpg.Connection], Coroutine[Any, Any, None]]) -> None:
    """Run an action on the database in another thread: in this one, Playwright's event loop counts as running."""

    async def connect() -> None:
        async with connected(environment) as connection:
            await action(connection)

    thread = Thread(target=lambda: asyncio.run(connect()))
    thread.start()
    thread.join()


def count_visits(environment: Environment, key: str, *, people: int, values: list[str]) -> None:
    """Count visits in this hour and on days before, each value of every dimension at least once."""

    async def count(connection: asyncpg.Connection) -> None:
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        created_at = now - timedelta(days=200)
        await connection.execute("UPDATE entry SET created_at = $1 WHERE key = $2", created_at, key)
        for days in range(0, 60, 7):
            await insert_hour_counts(connection, key, now - timedelta(days=days), people=people, bots=days)
        rows = [(key, now.date(), each, value, n + 1) for each in DIMENSIONS for n, value in enumerate(values)]
        await connection.executemany(INSERT_VALUE, rows)

    run(environment, count)


@in_every_view
def test_nothing_serious_is_found_and_nothing_scrolls_sideways(
    new_visitor: NewVisitor, site: WebServer, environment: Environment, view: View
) -> None:
    user = new_user(site.client)
    key = create_link(site.client, headers=user.headers, title="W" * 200)["key"]
    count_visits(environment, key, people=123_456_789, values=LONG + SHORT)
    empty = create_paste(site.client, headers=user.headers)["key"]
    visitor = new_visitor(view)
    page = visitor.page
    sign_in(visitor, user)
    findings: dict[str, list[str]] = {}

    def look(name: str) -> None:
        for summary in page.locator("main summary").all():
            summary.click()
        if found := serious_findings(page):
            findings[name] = found
        assert content_width(page) == view.width, name

    for name, address, status in (
        ("month", f"/{key}/stats", 200),
        ("all", f"/{key}/stats?period=all&tz=Asia/Kolkata", 200),
        ("filtered", f"/{key}/stats?country={'w' * 250}&device=%D7%A9%D7%9C", 200),
        ("refused", f"/{key}/stats?period=custom&from=9000-01-01&tz=Nowhere", 422),
        ("empty", f"/{empty}/stats?period=all", 200),
    ):
        visitor.open(address, status=status)
        look(name)

    assert findings == {}


def test_nothing_runs_of_what_visitors_sent(new_visitor: NewVisitor, site: WebServer, environment: Environment) -> None:
    link = create_link(site.client)
    change = {"has_public_statistics": True}
    site.client.patch(f"/api/v1/entries/{link['key']}", json=change, headers=manage_headers(link)).raise_for_status()
    count_visits(environment, link["key"], people=1, values=HOSTILE)
    visitor = new_visitor()
    page = visitor.page

    visitor.open(f"/{link['key']}/stats")
    for summary in page.locator("main summary").all():
        summary.click()

    assert page.locator(".breakdowns tbody tr").count() == len(DIMENSIONS) * (len(HOSTILE) + len(["Other"]))
    assert page.evaluate("window.ran") is None


@with_and_without_scripts
def test_owner_finds_the_figures_from_the_list_and_changes_the_period(
    new_visitor: NewVisitor, site: WebServer, environment: Environment, view: View, has_scripts: bool
) -> None:
    user = new_user(site.client)
    key = create_link(site.client, headers=user.headers, title="Newsletter")["key"]
    count_visits(environment, key, people=7, values=["example.org"])
    visitor = new_visitor(view, has_scripts=has_scripts)
    page = visitor.page
    sign_in(visitor, user)

    # Today and every seventh of the 29 days before: 5 days of the 30, 4 of the 30 before them.
    visitor.click(page.get_by_role("link", name="63 views"))
    assert page.locator(".figures dd").first.inner_text() == "35"
    assert "25 % more than the 28 of the period before" in str(page.locator(".figures").text_content())
    assert page.locator(".plot .amount").count() == 5
    visitor.click("7 days")
    expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "page")
    assert page.locator(".plot .amount").count() == 1
    page.get_by_label("Time zone").fill("Europe/Berlin")
    visitor.click("Apply")
    assert visitor.path() == f"/{key}/stats?period=7d&tz=Europe%2FBerlin"
    assert "tz=Europe%2FBerlin" in str(page.get_by_role("link", name="30 days").get_attribute("href"))

    page.get_by_text("Show as table").click()
    rows = page.get_by_role("table", name="Visits by day").get_by_role("row")
    assert rows.count() == 8
    assert "7" in rows.last.inner_text()
    page.get_by_text("QR code").click()
    picture = page.get_by_role("img", name="QR code of")
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] == box["height"] > 200


def test_days_are_those_of_the_browser_and_each_column_tells_its_value(
    new_visitor: NewVisitor, site: WebServer, environment: Environment
) -> None:
    link = create_link(site.client)
    change = {"has_public_statistics": True}
    site.client.patch(f"/api/v1/entries/{link['key']}", json=change, headers=manage_headers(link)).raise_for_status()
    count_visits(environment, link["key"], people=7, values=["example.org"])
    visitor = new_visitor()
    page = visitor.page

    page.goto(f"{visitor.site_address}/{link['key']}/stats?period=7d")
    page.wait_for_url("**/stats?period=7d&tz=Europe%2FVienna")
    expect(page.get_by_role("link", name="Days in Europe/Vienna")).to_be_visible()
    chart = page.get_by_role("slider", name="Visits by day")
    chart.focus()
    expect(chart).to_have_attribute("aria-valuetext", re.compile(": 7 visits$"))
    expect(page.locator(".tip")).to_have_text(re.compile(": 7 visits$"))
    page.keyboard.press("ArrowLeft")
    expect(chart).to_have_attribute("aria-valuetext", re.compile(": 0 visits$"))
    page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("ArrowLeft")
    expect(chart).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("Escape")
    expect(page.locator(".tip")).to_be_hidden()
    page.locator(".plot g").last.hover()
    expect(page.locator(".tip")).to_have_text(re.compile(": 7 visits$"))
    visitor.control("Copy link").click()
    expect(page.locator(".toast")).to_have_text("Link copied")


def test_code_is_shown_where_an_entry_is_made_and_managed(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(PHONE)
    page = visitor.page
    visitor.open("/")
    page.get_by_label("Text", exact=True).fill("text")
    visitor.click("Create paste")

    def expect_code() -> None:
        picture = page.get_by_role("img", name="QR code of")
        expect(picture).to_be_visible()
        # Asked again and again from here: the page's own policy forbids code to evaluate text in it.
        expect(picture).to_have_js_property("complete", value=True)
        assert picture.evaluate("image => image.naturalWidth") > 0

    page.locator(".strip").get_by_role("link", name="QR").click()
    expect_code()
    page.keyboard.press("Escape")
    visitor.manage()
    page.get_by_text("QR code").click()
    expect_code()
    visitor.click("Statistics")
    assert "/manage/stats" in visitor.path()
    assert "No visits in this period" in visitor.main_text()


def test_everybody_sees_the_page_that_is_shown_to_all(new_visitor: NewVisitor, site: WebServer) -> None:
    link = create_link(site.client)
    change = {"has_public_statistics": True}
    site.client.patch(f"/api/v1/entries/{link['key']}", json=change, headers=manage_headers(link)).raise_for_status()
    visitor = new_visitor()

    visitor.open(f"/{link['key']}/stats")

    assert "Visible to anyone with the link" in visitor.main_text()
