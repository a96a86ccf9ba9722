"""My entries in a browser: search, filter, select and delete, by hand and by keys, in rows of one line and of two."""

import pytest
from playwright.sync_api import Route, expect

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


def search(visitor: Visitor, query: str, *expected: str) -> None:
    """Search without sending the form where a script does it."""
    visitor.page.get_by_role("searchbox", name="Search", exact=True).fill(query)
    if not visitor.has_scripts:
        visitor.click("Search")
    expect(visitor.page.locator(".entries .title")).to_have_text(expected)


def choose(visitor: Visitor, label: str, option: str, *expected: str) -> None:
    """Choose one of the filters."""
    filters = visitor.page.locator(".find .drop")
    if filters.get_attribute("open") is None:
        filters.locator("summary").click()
    visitor.page.get_by_label(label, exact=True).select_option(label=option)
    if not visitor.has_scripts:
        visitor.click("Show")
    expect(visitor.page.locator(".entries .title")).to_have_text(expected)


@with_and_without_scripts
def test_entries_are_found_selected_and_deleted(
    new_visitor: NewVisitor, site: WebServer, view: View, has_scripts: bool
) -> None:
    user = new_user(site.client)
    for title in ("Alps", "Beach", "Alps again"):
        create_paste(site.client, headers=user.headers, title=title)
    create_link(site.client, headers=user.headers, title="Map of the Alps", visibility="public")
    visitor = new_visitor(view, has_scripts=has_scripts)
    page, bar = visitor.page, visitor.page.locator(".bulk")
    sign_in(visitor, user)
    assert names(visitor) == ["Map of the Alps", "Alps again", "Beach", "Alps"]

    search(visitor, "ALPS", "Map of the Alps", "Alps again", "Alps")
    choose(visitor, "Order", "Title A to Z", "Alps", "Alps again", "Map of the Alps")
    visitor.click("Pastes")
    assert names(visitor) == ["Alps", "Alps again"]
    expect(page.get_by_role("link", name="Pastes", exact=True)).to_have_attribute("aria-current", "true")
    assert page.locator("#q").input_value() == "ALPS"

    expect(bar).to_be_hidden()
    select(visitor, "Alps", "Alps again")
    visitor.click(bar.locator(".danger"))
    assert page.get_by_role("heading", name="Delete 2 slips?").is_visible()
    visitor.click("Cancel")
    assert names(visitor) == ["Alps", "Alps again"]
    select(visitor, "Alps")
    page.get_by_role("button", name="Clear selection").click()
    expect(bar).to_be_hidden()
    select(visitor, "Alps again")
    visitor.click(bar.locator(".danger"))
    visitor.click("Delete 1 slip")
    assert page.get_by_role("status").filter(has_text="1 slip deleted").is_visible()
    assert names(visitor) == ["Alps"]
    page.reload()
    assert page.get_by_text("1 slip deleted").is_visible() is not has_scripts
    search(visitor, "", "Alps", "Beach")

    choose(visitor, "State", "All ended", "Alps again")
    assert "Deleted" in visitor.main_text()
    choose(visitor, "State", "Live", "Alps", "Beach")
    visitor.open("/profile")
    select(visitor, "Alps")
    page.get_by_label("More about Beach").click()
    visitor.click(page.locator("[data-entry]", has_text="Beach").get_by_role("button", name="Delete", exact=True))
    assert page.get_by_role("heading", name="Delete 1 slip?").is_visible()
    assert "Alps" not in visitor.main_text()


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=str)
def test_all_of_a_page_are_selected_at_once_and_the_next_page_is_one_click_away(
    new_visitor: NewVisitor, site: WebServer, view: View
) -> None:
    user = new_user(site.client)
    for number in range(52):
        create_link(site.client, headers=user.headers, title=f"Link {number}")
    visitor = new_visitor(view)
    page, selected = visitor.page, visitor.page.locator(".selected")
    sign_in(visitor, user)

    heights = page.locator(".slip").evaluate_all("rows => rows.map((row) => Math.round(row.offsetHeight))")
    assert set(heights) <= ({64, 65} if view.is_phone else {44, 45}), heights
    everything = page.get_by_label("Select all on this page")
    everything.check()
    expect(selected).to_have_text("50 selected")
    page.get_by_label("Select Link 51", exact=True).uncheck()
    assert everything.evaluate("box => box.indeterminate")
    expect(selected).to_have_text("49 selected")
    page.get_by_label("Select Link 41", exact=True).click(modifiers=["Shift"])
    expect(selected).to_have_text("39 selected")
    visitor.click("Next")
    assert names(visitor) == ["Link 1", "Link 0"]
    everything.check()
    visitor.click("Delete selected")
    visitor.click("Delete 2 slips")
    assert "There are no more slips" in visitor.main_text()
    visitor.click("First page")
    assert len(names(visitor)) == 50


_NOTE_LISTS = """() => {
  window.lists = [];
  new MutationObserver(() => lists.push(document.querySelector("#slips").dataset.path))
    .observe(document.querySelector("main"), { childList: true });
}"""


def test_list_follows_what_is_typed_and_keeps_focus_and_selection(visitor: Visitor, site: WebServer) -> None:
    page, count = visitor.page, visitor.page.locator("#count")
    user = new_user(site.client)
    for title in ("Anna", "Anton", "Berta"):
        create_link(site.client, headers=user.headers, title=title, original_url="https://target.example/")
    sign_in(visitor, user)
    select(visitor, "Anton", "Berta")
    # Of what is typed first, the answer comes last.
    held: list[Route] = []
    page.route("**/profile?q=an&*", lambda route: held.append(route))
    page.evaluate(_NOTE_LISTS)

    page.keyboard.press("/")
    with page.expect_request("**/profile?q=an&*"):
        # At once: between two keys a busy machine may take long enough for a search of its own.
        page.keyboard.insert_text("an")
    page.keyboard.type("t")
    expect(page.locator(".entries .title")).to_have_text(["Anton"])
    expect(count).to_have_text("1 slip")
    assert page.get_by_label("Select Anton").is_checked()
    expect(page.locator(".selected")).to_have_text("1 selected")
    assert visitor.path() == "/profile?q=ant"
    assert page.evaluate("[document.activeElement.id, document.activeElement.selectionStart]") == ["q", 3]
    held[0].continue_()
    page.keyboard.type("o")
    page.wait_for_url("**/profile?q=anto")
    assert page.evaluate("lists") == ["/profile?q=ant", "/profile?q=anto"]

    page.keyboard.type("%_\\")
    expect(count).to_have_text("Nothing matches “anto%_\\”.")
    page.locator("#q").fill("")
    expect(page.locator(".entries .title")).to_have_text(["Berta", "Anton", "Anna"])
    assert visitor.path() == "/profile"
    assert page.locator("time[data-time=relative]").first.inner_text() != ""
    page.locator("#q").fill("berta")
    expect(page.locator(".entries .title")).to_have_text(["Berta"])
    visitor.click("Links")
    assert names(visitor) == ["Berta"]
    page.context.clear_cookies()
    with page.expect_navigation():
        page.locator("#q").fill("bert")
    assert visitor.path().startswith("/sign-in?next=/profile")


def test_rows_are_walked_selected_copied_and_edited_by_keys(visitor: Visitor, site: WebServer) -> None:
    page, keyboard = visitor.page, visitor.page.keyboard
    user = new_user(site.client)
    first, second = (create_paste(site.client, headers=user.headers, title=title) for title in ("First", "Second"))
    gone = create_paste(site.client, headers=user.headers, title="Gone")
    site.client.delete(f"/api/v1/entries/{gone['key']}", headers=user.headers).raise_for_status()
    sign_in(visitor, user)
    visitor.open("/profile?state=all&sort=created")

    for key, entry in (
        ("j", first),
        ("j", second),
        ("j", gone),
        ("j", gone),
        ("k", second),
        ("k", first),
        ("k", first),
    ):
        keyboard.press(key)
        focused = page.evaluate("document.activeElement.closest('.slip').dataset.entry")
        assert focused == entry["key"], key
    keyboard.press("j")
    keyboard.press("x")
    assert page.get_by_label("Select Second").is_checked()
    keyboard.press("c")
    page.get_by_text("Link copied").wait_for()
    assert visitor.clipboard() == second["url"]
    expect(page.locator("[data-entry]", has_text="Second").get_by_label("QR code of Second")).to_be_visible()
    page.get_by_label("QR code of Second").click()
    code = page.get_by_role("dialog", name="QR code").get_by_role("img", name=f"QR code of {second['url']}")
    expect(code).to_be_visible()
    assert code.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
    keyboard.press("Escape")
    keyboard.press("?")
    told = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(told).to_be_visible()
    assert told.locator("dt").all_inner_texts()[:5] == ["Next slip", "Previous slip", "Select", "Copy link", "Edit"]
    keyboard.press("Escape")
    visitor.press("e")
    assert visitor.path() == f"/{second['key']}/edit"


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
    choose(visitor, "Collection", "Trips", "Beach", "Alps")


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
    look("selected")
    page.get_by_label("More about Usual").click()
    look("menu")
    page.keyboard.press("Escape")
    visitor.click("Delete selected")
    look("asks")
    visitor.click("Delete 2 slips")
    look("deleted")
    visitor.open("/profile?q=nothing-like-it")
    look("nothing")
    visitor.open("/profile?kind=none", status=422)
    look("refused")

    assert findings == {}
