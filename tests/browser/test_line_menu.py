"""Beside marked lines stands what one can do with them: copy the link, copy the lines."""

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.visitor import PHONE, WIDE, NewVisitor, View, Visitor
from tests.support.entries import create_paste
from tests.support.web import WebServer

LINES = ["one", "tw\0o", "<b>three</b>\r", "four"]


@pytest.fixture(scope="module")
def lines_address(site: WebServer) -> str:
    return f"/{create_paste(site.client, text=chr(10).join(LINES))['key']}"


def menu(visitor: Visitor) -> Locator:
    return visitor.page.locator(".line-menu")


def click_number(visitor: Visitor, line: int, *, with_shift: bool = False) -> None:
    place = {"x": 10.0, "y": 8.0}
    visitor.page.locator(f"#L{line}").click(position=place, modifiers=["Shift"] if with_shift else [])


@pytest.mark.parametrize("view", [WIDE, PHONE], ids=str)
def test_link_and_text_of_lines_are_copied(new_visitor: NewVisitor, lines_address: str, view: View) -> None:
    visitor = new_visitor(view)
    visitor.open(lines_address)
    expect(menu(visitor)).to_be_hidden()

    click_number(visitor, 2)
    menu(visitor).get_by_role("button", name="Copy link").click()
    visitor.page.get_by_text("Link copied").wait_for()
    assert visitor.clipboard() == f"{visitor.site_address}{lines_address}#L2"
    expect(menu(visitor)).to_be_hidden()
    click_number(visitor, 3, with_shift=True)
    menu(visitor).get_by_role("button", name="Copy lines").click()
    visitor.page.get_by_text("2 lines copied").wait_for()
    # A line end after the last would run what is pasted into a terminal.
    assert visitor.clipboard() == "tw\0o\n<b>three</b>"
    box = visitor.page.locator(".paper").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= view.width


def test_keyboard_reaches_the_menu_and_leaves_it(visitor: Visitor, lines_address: str) -> None:
    page, keyboard = visitor.page, visitor.page.keyboard
    visitor.open(f"{lines_address}#L1")

    page.locator(".lines .number").focus()
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(menu(visitor).get_by_role("button", name="Copy link")).to_be_focused()
    keyboard.press("Tab")
    keyboard.press("Space")
    page.get_by_text("Line copied").wait_for()
    assert visitor.clipboard() == "tw\0o"
    expect(page.locator(".lines .number")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Tab")
    keyboard.press("Escape")
    expect(menu(visitor)).to_be_hidden()
    expect(page.locator(".lines .number")).to_be_focused()


def test_lines_of_what_has_limited_views_have_no_link(visitor: Visitor, site: WebServer) -> None:
    visitor.open(f"/{create_paste(site.client, text='one', views=2)['key']}")
    visitor.click("Show the text")

    click_number(visitor, 1)

    expect(menu(visitor).get_by_role("button")).to_have_text(["Copy line"])
    visitor.page.get_by_role("button", name="Copy text").click()
    visitor.page.get_by_text("Text copied").wait_for()
    assert visitor.clipboard() == "one"
