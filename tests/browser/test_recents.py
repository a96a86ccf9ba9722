"""Entries made without an account are listed on the device, up to 20 of them, until they are forgotten or gone."""

import pytest
from playwright.sync_api import expect

from tests.browser.page_checks import content_width, serious_findings
from tests.browser.payloads import PAYLOADS
from tests.browser.recents import (
    LEAVING,
    MOST,
    RECENT,
    a_row,
    make,
    shown_rows,
    store,
    stored,
    wait_until_listed,
    wait_until_unlisted,
)
from tests.browser.visitor import PHONE, NewVisitor, Visitor


def test_paste_and_link_are_found_again_copied_and_forgotten(visitor: Visitor) -> None:
    page = visitor.page
    paste = make(visitor, title="Notes of today")
    link = make(visitor, "link")

    visitor.open("/")
    expect(shown_rows(page)).to_have_count(2)
    assert page.locator("[data-part=open]").all_inner_texts() == ["example.org", "Notes of today"]
    row = shown_rows(page).filter(has_text="Notes of today")
    expect(row).to_contain_text("in 10 days")
    row.get_by_role("button", name="Copy Notes of today").click()
    page.get_by_text("Link copied").wait_for()
    assert visitor.clipboard() == f"{visitor.site_address}/{paste}"
    assert row.locator("[data-part=edit]").first.is_visible()
    assert not row.locator("[data-part=stats]").first.is_visible()
    visitor.click(row.get_by_role("link", name="Notes of today", exact=True))
    assert visitor.path() == f"/{paste}"
    page.go_back()

    row.get_by_role("button", name="Forget Notes of today").click()
    dialog = page.get_by_role("dialog", name="Forget Notes of today?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(shown_rows(page)).to_have_count(2)
    row.get_by_role("button", name="Forget Notes of today").click()
    dialog.get_by_role("button", name="Forget").click()
    expect(shown_rows(page)).to_have_count(1)
    assert [each["key"] for each in stored(page)] == [link]
    left = [cookie["path"] for cookie in visitor.context.cookies() if "manage" in cookie["name"]]
    assert sorted(left) == [f"/{link}", f"/{link}+"]
    visitor.open(f"/{paste}")
    assert page.locator(".strip").count() == 0


def test_title_of_a_limited_entry_and_entries_of_accounts_are_not_stored(visitor: Visitor) -> None:
    key = make(visitor, title="Read me once", views="1")

    assert [(each["key"], each.get("title")) for each in stored(visitor.page)] == [(key, None)]


def test_entry_beyond_the_newest_20_is_named_until_it_is_saved_or_forgotten(visitor: Visitor) -> None:
    page = visitor.page
    oldest = make(visitor, title="The oldest")
    visitor.open("/privacy")
    [row] = stored(page)
    others = [a_row(f"other-{number:02}", hours_ago=1 + number) for number in range(MOST - 1)]
    store(page, [*others, row | {"created": a_row("x", hours_ago=100)["created"]}])

    newest = make(visitor, title="The newest")
    notice = page.locator(".leaving")
    expect(notice).to_contain_text("The oldest is no longer listed on this device")
    assert notice.get_by_role("link", name="Open it").get_attribute("href") == f"/{oldest}"
    assert [each["key"] for each in stored(page)] == [newest, *(each["key"] for each in others)]
    assert [each["key"] for each in stored(page, LEAVING)] == [oldest]
    assert f"/{oldest}" in [cookie["path"] for cookie in visitor.context.cookies()]

    visitor.open("/")
    older = page.locator(".recent-older")
    expect(older.locator("li")).to_have_count(1)
    older.get_by_role("button", name="Forget The oldest").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget").click()
    expect(older).to_be_hidden()
    assert f"/{oldest}" not in [cookie["path"] for cookie in visitor.context.cookies()]


def test_cookies_of_what_is_leaving_for_a_week_are_ended(visitor: Visitor) -> None:
    page = visitor.page
    key = make(visitor)
    [row] = stored(page)
    leaving = [row | {"left": a_row("x", hours_ago=24 * 8)["created"]}]
    page.evaluate("([name, rows]) => localStorage.setItem(name, JSON.stringify(rows))", [LEAVING, leaving])
    store(page, [])

    visitor.open("/")

    page.wait_for_function("name => localStorage.getItem(name) === '[]'", arg=LEAVING)
    assert f"/{key}" not in [cookie["path"] for cookie in visitor.context.cookies()]


def test_what_is_deleted_claimed_or_gone_leaves_the_list(visitor: Visitor) -> None:
    page = visitor.page
    deleted = make(visitor)
    visitor.open(f"/{deleted}/manage")
    page.get_by_label("Yes, delete this paste").check()
    visitor.click("Delete paste")
    wait_until_unlisted(page, deleted)

    store(page, [a_row(deleted), a_row("never-was-here"), a_row("over-since-long", ends_in=-1)])
    visitor.open(f"/{deleted}", status=410)
    wait_until_unlisted(page, deleted)
    visitor.open("/never-was-here/and-no-page-of-it", status=404)
    page.evaluate("() => import(document.querySelector('script[src*=\"recents/seen\"]').src)")
    expect(page.get_by_role("button", name="Forget")).to_have_count(0)
    visitor.open("/never-was-here", status=404)
    page.get_by_role("button", name="Forget").click()
    wait_until_unlisted(page, "never-was-here")
    visitor.open("/")
    expect(page.locator("#recent")).to_be_hidden()


def test_two_tabs_that_list_entries_at_once_lose_none(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/privacy")
    other = visitor.context.new_page()
    other.goto(page.url)
    start = page.evaluate("Date.now() + 500")
    for tab, name in ((page, "one"), (other, "two")):
        rows = [a_row(f"{name}-{number}") for number in range(MOST // 2)]
        tab.evaluate(
            """async ([start, rows]) => {
              const store = await import(document.getElementById("recents-store").src);
              const turn = (row, number) => new Promise((done) => {
                setTimeout(() => done(store.add(row)), start + number - Date.now());
              });
              window.added = Promise.all(rows.map(turn));
            }""",
            [start, rows],
        )
    for tab in (page, other):
        tab.evaluate("window.added")

    # What one tab has written over, the other writes again once it hears of it.
    for name in ("one", "two"):
        for number in range(MOST // 2):
            wait_until_listed(page, f"{name}-{number}")


def test_poisoned_storage_shows_nothing_but_entries(visitor: Visitor) -> None:
    page = visitor.page
    payloads = [payload for group in PAYLOADS.values() for payload in group]
    good = a_row("__proto__", title=payloads[0], hours_ago=0.5)
    many = [
        a_row(f"many-{number}", title=payloads[number % len(payloads)], hours_ago=1 + number) for number in range(50)
    ]
    hostile = [
        None, 7, "text", [], {}, [a_row("listed-in-list")], {"key": "no-kind"},
        *(a_row(payload) for payload in payloads), a_row("../sign-out"), a_row("a/b"), a_row("javascript:alert(1)"),
        a_row("wrong-kind") | {"kind": "<b>"}, a_row("wrong-end") | {"ends": "<b>"}, a_row("no-time") | {"created": 1},
        good, good, *many,
    ]  # fmt: skip
    visitor.open("/privacy")
    for text in ("{", "null", '"text"', "7", '{"__proto__": []}', "[" * 9999, "x" * 200_000):
        page.evaluate("([name, text]) => localStorage.setItem(name, text)", [RECENT, text])
        visitor.open("/")
        assert page.locator("#recent").is_hidden()
    store(page, hostile)  # type: ignore[arg-type]

    page.reload()

    expect(shown_rows(page)).to_have_count(MOST)
    paths = page.locator("[data-part=open]").evaluate_all("all => all.map((each) => each.getAttribute('href'))")
    assert paths == ["/__proto__", *(f"/many-{number}" for number in range(MOST - 1))]
    assert page.locator("[data-part=title]").first.text_content() == payloads[0][:200]
    assert page.evaluate("window.ran") is None
    page.keyboard.press("Tab")
    store(page, [a_row(f"row-{number}") for number in range(10_000)])
    page.reload()
    expect(page.locator("#recent")).to_be_hidden()


def test_long_list_is_folded_until_all_of_it_is_asked_for(visitor: Visitor) -> None:
    page = visitor.page
    visitor.open("/privacy")
    store(page, [a_row(f"row-{number:02}", hours_ago=1 + number) for number in range(MOST)])
    visitor.open("/")
    visible = shown_rows(page).filter(visible=True)
    expect(visible).to_have_count(8)

    page.get_by_role("button", name=f"Show all {MOST}").click()

    expect(visible).to_have_count(MOST)
    expect(visible.nth(8).locator("[data-part=open]")).to_be_focused()
    expect(page.locator(".recent-all")).to_be_hidden()
    store(page, [a_row(f"row-{number}", hours_ago=1 + number) for number in range(9)])
    visitor.open("/")
    expect(visible).to_have_count(9)


@pytest.mark.parametrize("is_phone", [False, True], ids=["wide", "phone"])
def test_list_is_usable_by_all_and_never_scrolls_sideways(new_visitor: NewVisitor, is_phone: bool) -> None:
    visitor = new_visitor(PHONE) if is_phone else new_visitor()
    page = visitor.page
    visitor.open("/privacy")
    store(page, [
        a_row("K1NtRgtkabc", title="W" * 200), a_row("w" * 64, title="lines.js"), a_row("x" * 64, kind="link"),
    ])  # fmt: skip
    visitor.open("/")
    expect(shown_rows(page)).to_have_count(3)
    assert serious_findings(page) == []
    assert content_width(page) == visitor.view.width
    heights = [box["height"] for row in shown_rows(page).all() if (box := row.bounding_box())]
    # A line between two rows is a part of the second.
    assert {round(height) for height in heights} <= ({64, 65} if is_phone else {44, 45})
    if is_phone:
        shown_rows(page).filter(has_text="lines.js").locator("summary").click()
        assert serious_findings(page) == []
        assert content_width(page) == visitor.view.width
        expect(page.get_by_role("button", name="Forget lines.js")).to_be_visible()


def test_without_scripts_nothing_is_listed(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(PHONE, has_scripts=False)
    visitor.open("/")

    assert visitor.page.locator("#recent").is_hidden()
    visitor.page.locator(".top-menu summary").click()
    assert not visitor.page.locator(".search").last.is_visible()
