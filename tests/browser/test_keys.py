"""Single keys, of every page and of a paste: never while one types, with another key held, or once switched off."""

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import PHONE, NewVisitor, Visitor
from tests.support.accounts import PASSWORD, insert_account, new_email
from tests.support.entries import create_paste
from tests.support.web import WebServer

TEXT = "first\nsecond\n"


@pytest.fixture(scope="module")
def read_address(site: WebServer) -> str:
    return f"/{create_paste(site.client, text=TEXT, title='Keys')['key']}"


def test_keys_of_a_paste_copy_wrap_and_show_its_qr_code(visitor: Visitor, read_address: str) -> None:
    page, keyboard = visitor.page, visitor.page.keyboard
    visitor.open(read_address)

    keyboard.press("y")
    page.get_by_text("Text copied").wait_for()
    assert visitor.clipboard() == TEXT
    wrap = page.get_by_role("button", name="Wrap")
    expect(wrap).to_have_attribute("aria-pressed", "true")
    keyboard.press("w")
    expect(wrap).to_have_attribute("aria-pressed", "false")
    keyboard.press("w")
    expect(wrap).to_have_attribute("aria-pressed", "true")
    keyboard.press("q")
    expect(page.get_by_role("dialog", name="QR code").get_by_role("img")).to_be_visible()
    # Of what is behind a dialog, no key does anything.
    keyboard.press("n")
    keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert visitor.path() == read_address


def test_keys_with_others_held_and_in_fields_do_nothing(visitor: Visitor) -> None:
    page, keyboard = visitor.page, visitor.page.keyboard
    visitor.open("/")

    visitor.show_more()
    for place in ("#text", "#title", "#alias"):
        page.locator(place).focus()
        keyboard.type("n?y/")
        assert page.locator(place).input_value() == "n?y/"
    page.locator("#syntax").focus()
    keyboard.press("n")
    page.locator("body").click(position={"x": 5, "y": 300})
    # Not pressed: Ctrl+N would be the browser's own.
    for held in ("ctrlKey", "altKey", "metaKey"):
        page.locator("body").dispatch_event("keydown", {"key": "n", "bubbles": True, held: True})
    assert page.get_by_role("dialog").count() == 0
    assert page.locator("#title").input_value() == "n?y/"


def test_question_mark_tells_the_keys_and_switches_them_off(visitor: Visitor, read_address: str) -> None:
    page, keyboard = visitor.page, visitor.page.keyboard
    visitor.open(read_address)

    keyboard.press("?")
    told = page.get_by_role("dialog", name="Keyboard shortcuts")
    for name in ("New", "Wrap", "QR", "Copy text"):
        expect(told.get_by_text(name, exact=True)).to_be_visible()
    expect(told.get_by_text("Edit", exact=True)).to_have_count(0)
    told.get_by_label("Use these keys").uncheck()
    told.get_by_role("button", name="Close").click()
    page.reload()
    expect(page.locator(".bar .key").first).to_be_hidden()
    keyboard.press("n")
    assert visitor.path() == read_address
    keyboard.press("?")
    told.get_by_label("Use these keys").check()
    keyboard.press("Escape")
    visitor.press("n")
    assert visitor.path() == "/"


def test_owner_searches_with_a_slash_and_edits_with_e(visitor: Visitor, site: WebServer) -> None:
    page, keyboard, email = visitor.page, visitor.page.keyboard, new_email()
    insert_account(site.client, email)
    visitor.open("/sign-in")
    page.get_by_label("Email or username").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    visitor.click("Sign in")
    visitor.open("/")
    page.get_by_label("Text", exact=True).fill(TEXT)
    page.get_by_label("Title").fill("Found again")
    visitor.click("Create paste")
    address = visitor.short_link().removeprefix(visitor.site_address)

    visitor.press("e")
    assert visitor.path() == f"{address}/edit"
    page.locator("body").click(position={"x": 5, "y": 300})
    keyboard.press("/")
    keyboard.type("Found again")
    visitor.press("Enter")
    assert visitor.path().startswith("/profile?q=Found")
    assert page.locator(".title").all_inner_texts() == ["Found again"]


def test_slash_opens_the_menu_that_has_the_search_on_a_phone(new_visitor: NewVisitor, read_address: str) -> None:
    visitor = new_visitor(PHONE)
    visitor.open(read_address)

    visitor.page.keyboard.press("/")

    expect(visitor.page.locator("#search-menu")).to_be_focused()


def test_text_is_used_as_new_without_scripts_on_a_phone(new_visitor: NewVisitor, read_address: str) -> None:
    visitor = new_visitor(PHONE, has_scripts=False)
    visitor.open(read_address)

    visitor.page.get_by_text("More", exact=True).click()
    visitor.click("Use as new")

    assert visitor.page.get_by_label("Text", exact=True).input_value() == TEXT
    assert visitor.page.get_by_label("Title").input_value() == "Keys"
    visitor.click("Create paste")
    assert visitor.short_link()


def test_choice_is_in_the_middle_of_what_a_finger_needs(new_visitor: NewVisitor, read_address: str) -> None:
    visitor = new_visitor(PHONE)
    visitor.open(read_address)
    visitor.page.keyboard.press("?")

    top, bottom, middle = visitor.page.locator(".choice").evaluate(
        """choice => {
          const [frame, box] = [choice, choice.control].map((each) => each.getBoundingClientRect());
          return [frame.top, frame.bottom, (box.top + box.bottom) / 2];
        }"""
    )
    assert bottom - top == 44
    assert abs((top + bottom) / 2 - middle) < 2
