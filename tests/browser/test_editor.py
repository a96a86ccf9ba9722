"""The text area as an editor: Tab indents, Esc leaves, Ctrl+Enter sends, and a paste goes where it is meant."""

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import NewVisitor, Visitor


@pytest.fixture
def editing_visitor(visitor: Visitor) -> Visitor:
    """A visitor whose caret is in the text."""
    visitor.open("/")
    visitor.page.locator("#text").click()
    return visitor


def text(visitor: Visitor) -> str:
    return visitor.page.locator("#text").input_value()


def has_focus(visitor: Visitor, selector: str) -> bool:
    is_focused: bool = visitor.page.locator(selector).evaluate("element => element === document.activeElement")
    return is_focused


def test_tab_indents_and_shift_tab_outdents(editing_visitor: Visitor) -> None:
    keyboard = editing_visitor.page.keyboard

    keyboard.type("a")
    keyboard.press("Tab")
    keyboard.type("b\nc")
    assert text(editing_visitor) == "a\tb\nc"
    keyboard.press("Home")
    keyboard.press("Tab")
    assert text(editing_visitor) == "a\tb\n\tc"
    keyboard.press("Shift+Tab")
    assert text(editing_visitor) == "a\tb\nc"
    keyboard.press("Control+a")
    keyboard.press("Tab")
    assert text(editing_visitor) == "\ta\tb\n\tc"
    keyboard.press("Shift+Tab")
    assert text(editing_visitor) == "a\tb\nc"
    keyboard.press("Control+z")
    assert text(editing_visitor) == "\ta\tb\n\tc"
    assert has_focus(editing_visitor, "#text")


def test_escape_lets_tab_leave_the_text(editing_visitor: Visitor) -> None:
    keyboard = editing_visitor.page.keyboard
    keyboard.type("a")

    keyboard.press("Escape")
    keyboard.press("Tab")

    assert has_focus(editing_visitor, "#discard")
    assert text(editing_visitor) == "a"
    # An author who comes back may leave again: nothing asks until something is typed.
    editing_visitor.page.locator("#title").focus()
    for place in ("#syntax", "#file", "#text", "#lifetime"):
        keyboard.press("Tab")
        assert has_focus(editing_visitor, place)
    assert text(editing_visitor) == "a"


@pytest.mark.parametrize("field", ["#text", "#title"])
def test_ctrl_enter_sends_the_form(editing_visitor: Visitor, field: str) -> None:
    editing_visitor.page.locator("#text").fill("sent by keys")
    editing_visitor.page.locator(field).focus()

    editing_visitor.press("Control+Enter")

    assert editing_visitor.short_link()


def test_size_is_told_and_too_much_is_not_sent(editing_visitor: Visitor) -> None:
    page = editing_visitor.page
    page.keyboard.type("äb")
    assert page.locator("#text-size").inner_text() == "3 B"

    page.evaluate("document.querySelector('form.editor').editing.set('a'.repeat(10 * 1024 * 1024 + 1))")
    page.locator("#text-size.over").wait_for()
    page.get_by_role("button", name="Create paste").click()

    assert editing_visitor.path() == "/"
    assert has_focus(editing_visitor, "#text")


def test_paste_outside_any_field_goes_into_the_text(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    visitor.open("/")
    expect(visitor.page.locator("#text")).to_be_focused()
    visitor.page.evaluate("document.activeElement.blur()")
    visitor.page.evaluate("navigator.clipboard.writeText('from the\\n clipboard')")

    visitor.page.keyboard.press("Control+v")

    expect(visitor.page.locator("#text")).to_have_value("from the\n clipboard")
    assert has_focus(visitor, "#text")
