"""Guests search what their browser has made, and jump to any short link, from the header of each page."""

from playwright.sync_api import expect

from tests.browser.page_checks import content_width, serious_findings
from tests.browser.recents import a_row, sign_in, store
from tests.browser.visitor import PHONE, NewVisitor, Visitor
from tests.support.entries import create_paste
from tests.support.web import WebServer


def test_recent_entries_are_found_as_one_types_and_opened_by_keys(visitor: Visitor, site: WebServer) -> None:
    page, keyboard = visitor.page, visitor.page.keyboard
    key = create_paste(site.client)["key"]
    visitor.open("/privacy")
    others = [a_row("other-link", title="Notes of old", kind="link", hours_ago=2), a_row("zzz")]
    store(page, [a_row(key, title="Notes of today"), *others])
    visitor.open("/privacy")
    field = page.get_by_role("combobox", name="Search or jump to")
    options = page.get_by_role("option")

    keyboard.press("/")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-expanded", "false")
    keyboard.type("OF notes")
    expect(options).to_have_count(2)
    expect(field).to_have_attribute("aria-expanded", "true")
    assert serious_findings(page) == []
    expect(options.first).to_have_attribute("aria-selected", "true")
    keyboard.press("ArrowDown")
    expect(options.last).to_have_attribute("aria-selected", "true")
    marked = options.last.get_attribute("id")
    expect(field).to_have_attribute("aria-activedescendant", marked or "")
    keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    keyboard.press("Escape")
    expect(options).to_have_count(0)
    expect(field).to_have_value("OF notes")
    keyboard.press("ArrowDown")
    visitor.press("Enter")
    assert visitor.path() == f"/{key}"


def test_short_link_or_key_jumps_there(visitor: Visitor, site: WebServer) -> None:
    key = create_paste(site.client)["key"]
    host = site.address.partition("://")[2]
    for typed in (key, f"{host}/{key}", f"HTTP://{host}/{key}", f"  {key}  "):
        visitor.open("/privacy")

        visitor.page.get_by_role("combobox").fill(typed)
        visitor.press("Enter")

        assert visitor.path() == f"/{key}"


def test_nothing_that_is_typed_leads_elsewhere(visitor: Visitor, site: WebServer) -> None:
    page, host = visitor.page, site.address.partition("://")[2]
    visitor.open("/privacy")
    for typed in (
        "javascript:alert(1)", "https://foreign.test/abc", "//foreign.test/abc", "foreign.test/abc", "data:text/html,x",
        f"{site.address}//foreign.test", f"{site.address}/\\foreign.test", f"https://{host}@foreign.test/abc",
        f"{host}.foreign.test/abc", "a b",
    ):  # fmt: skip
        page.get_by_role("combobox").fill(typed)
        page.keyboard.press("Enter")

        page.get_by_text("Nothing found on this device").wait_for()
        page.evaluate("document.querySelector('.toast').textContent = ''")
        assert visitor.path() == "/privacy"


def test_on_a_phone_the_search_is_in_the_menu(new_visitor: NewVisitor, site: WebServer) -> None:
    visitor = new_visitor(PHONE)
    page = visitor.page
    key = create_paste(site.client, title="Long" * 40)["key"]
    visitor.open("/privacy")
    store(page, [a_row(key, title="Long" * 40), a_row("y" * 64, title="Long", hours_ago=2)])
    page.locator(".top-menu summary").click()
    page.locator(".top-menu").get_by_role("combobox").fill("long")
    expect(page.get_by_role("option")).to_have_count(3)
    assert content_width(page) == visitor.view.width
    assert serious_findings(page) == []

    with page.expect_navigation():
        page.get_by_role("option").first.tap()

    assert visitor.path() == f"/{key}"


def test_signed_in_users_search_their_own_slips(visitor: Visitor, site: WebServer) -> None:
    sign_in(visitor, site)
    visitor.open("/")

    assert visitor.page.get_by_role("combobox", name="Search or jump to").count() == 0
    assert visitor.page.locator(".top > form.search").get_attribute("action") == "/profile"
