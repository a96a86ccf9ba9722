"""My entries in a browser: search, filter, select and delete, on a table and on cards."""

import pytest

from tests.browser.account_pages import sign_in
from tests.browser.page_checks import content_width, serious_findings
from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor, in_every_view, with_and_without_scripts
from tests.support.accounts import new_user
from tests.support.entries import create_link, create_paste, new_alias
from tests.support.web import WebServer


def names(visitor: Visitor) -> list[str]:
    """Titles of the entries that are shown."""
    return visitor.page.locator(".entries .title").all_inner_texts()


def select(visitor: Visitor, *titles: str) -> None:
    for title in titles:
        visitor.page.get_by_label(f"Select {title}", exact=True).check()


@with_and_without_scripts
def test_entries_are_found_selected_and_deleted(
    new_visitor: NewVisitor, site: WebServer, view: View, has_scripts: bool
) -> None:
    user = new_user(site.client)
    for title in ("Alps", "Beach", "Alps again"):
        create_paste(site.client, headers=user.headers, title=title)
    create_link(site.client, headers=user.headers, title="Map of the Alps", visibility="public")
    visitor = new_visitor(view, has_scripts=has_scripts)
    page = visitor.page
    sign_in(visitor, user)
    assert names(visitor) == ["Map of the Alps", "Alps again", "Beach", "Alps"]

    page.get_by_label("Search", exact=True).fill("ALPS")
    page.get_by_label("Order").select_option(label="Title A to Z")
    visitor.click("Show")
    assert names(visitor) == ["Alps", "Alps again", "Map of the Alps"]
    page.get_by_label("Kind").select_option(label="Pastes")
    visitor.click("Show")
    assert names(visitor) == ["Alps", "Alps again"]
    assert page.get_by_label("Search", exact=True).input_value() == "ALPS"

    visitor.click("Delete selected", status=422)
    assert "Select the entries to delete first" in visitor.main_text()
    select(visitor, "Alps", "Alps again")
    visitor.click(page.locator(".selected .danger"))
    assert page.get_by_role("heading", name="Delete 2 entries?").is_visible()
    visitor.click("Cancel")
    assert names(visitor) == ["Alps", "Alps again"]
    select(visitor, "Alps again")
    visitor.click(page.locator(".selected .danger"))
    visitor.click("Delete 1 entry")
    assert page.get_by_role("status").filter(has_text="1 entry deleted").is_visible()
    assert names(visitor) == ["Alps"]
    visitor.click("Clear")
    assert names(visitor) == ["Map of the Alps", "Beach", "Alps"]

    page.get_by_label("State").select_option(label="All ended")
    visitor.click("Show")
    assert names(visitor) == ["Alps again"]
    assert "Deleted" in visitor.main_text()
    page.get_by_label("State").select_option(label="Live")
    visitor.click("Show")
    visitor.click("Edit Beach")
    assert page.get_by_role("heading", name="Manage your paste").is_visible()


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=str)
def test_all_of_a_page_are_selected_at_once_and_the_next_page_is_one_click_away(
    new_visitor: NewVisitor, site: WebServer, view: View
) -> None:
    user = new_user(site.client)
    for number in range(52):
        create_link(site.client, headers=user.headers, title=f"Link {number}")
    visitor = new_visitor(view)
    page = visitor.page
    sign_in(visitor, user)

    everything = page.get_by_label("Select all on this page")
    everything.check()
    assert page.get_by_role("button", name="Delete selected (50)").is_visible()
    page.get_by_label("Select Link 51", exact=True).uncheck()
    assert everything.evaluate("box => box.indeterminate")
    assert page.get_by_role("button", name="Delete selected (49)").is_visible()
    visitor.click("Next")
    assert names(visitor) == ["Link 1", "Link 0"]
    everything.check()
    visitor.click("Delete selected (2)")
    visitor.click("Delete 2 entries")
    assert "There are no more entries" in visitor.main_text()
    visitor.click("First page")
    assert len(names(visitor)) == 50


@with_and_without_scripts
def test_selected_entries_are_added_to_a_collection_and_found_by_it(
    new_visitor: NewVisitor, site: WebServer, view: View, has_scripts: bool
) -> None:
    user = new_user(site.client)
    for title in ("Alps", "Beach", "City"):
        create_link(site.client, headers=user.headers, title=title)
    for name in ("Trips", "Other"):
        site.client.post("/api/v1/collections", json={"name": name}, headers=user.headers).raise_for_status()
    visitor = new_visitor(view, has_scripts=has_scripts)
    sign_in(visitor, user)

    select(visitor, "Alps", "Beach")
    visitor.page.locator("#add-to").select_option(label="Trips")
    visitor.click("Add to collection")
    assert "2 entries added" in visitor.main_text()

    visitor.open("/profile")
    visitor.page.locator("#collection").select_option(label="Trips")
    visitor.click("Show")
    assert names(visitor) == ["Beach", "Alps"]


@in_every_view
def test_nothing_serious_is_found_and_nothing_scrolls_sideways(
    new_visitor: NewVisitor, site: WebServer, view: View
) -> None:
    visitor = new_visitor(view)
    page = visitor.page
    user = new_user(site.client)
    findings: dict[str, list[str]] = {}

    def look(name: str) -> None:
        if found := serious_findings(page):
            findings[name] = found
        assert content_width(page) == view.width, name

    sign_in(visitor, user)
    look("empty")
    for title in ("W" * 200, "\u05e9\u05dc\u05d5\u05dd " * 30, "Usual"):
        create_link(
            site.client,
            headers=user.headers,
            title=title,
            original_url=f"https://{'w' * 60}.example/{'W' * 4000}",
            alias=new_alias().ljust(64, "W"),
        )
    ended = create_paste(site.client, headers=user.headers, title="Over", views=3)
    site.client.delete(f"/api/v1/entries/{ended['key']}", headers=user.headers).raise_for_status()
    site.client.post("/api/v1/collections", json={"name": "C" * 60}, headers=user.headers).raise_for_status()
    visitor.open("/profile?state=all")
    look("entries")
    select(visitor, "Usual", "W" * 200)
    visitor.click("Delete selected (2)")
    look("asks")
    visitor.click("Delete 2 entries")
    look("deleted")
    visitor.open("/profile?q=nothing-like-it")
    look("nothing")
    visitor.open("/profile?kind=none", status=422)
    look("refused")

    assert findings == {}
