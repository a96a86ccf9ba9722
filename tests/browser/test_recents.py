"""Entries made without an account are listed on the device, up to 20 of them, until they are forgotten or gone."""

import pytest
from playwright.sync_api import expect

from tests.browser.page_checks import content_width, serious_findings
from tests.browser.payloads import PAYLOADS
from tests.browser.recents import (
    MOST,
    RECENT,
    a_row,
    shown_rows,
    store,
)
from tests.browser.visitor import PHONE, NewVisitor, Visitor


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
    for text in ("{", "null", '"text"', "7", '{"__proto__": []}', "[" * 9999, "x" * 1_000_000):
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
