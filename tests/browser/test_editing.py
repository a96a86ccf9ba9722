"""Editing in a browser, which knows one kind of line end: what was not touched comes back as it was stored."""

from typing import Any

import httpx

from tests.browser.visitor import NewVisitor, Visitor
from tests.support.entries import create_paste, manage_headers
from tests.support.web import WebServer

EVERY_CHARACTER_BUT_NUL = "".join(map(chr, (*range(1, 0xD800), *range(0xE000, 0x11000), *range(0x1F900, 0x1FA00))))


def open_editor(visitor: Visitor, entry: dict[str, Any]) -> None:
    visitor.open(f"/{entry['key']}/manage#{entry['manage_token']}")
    visitor.click("Manage")
    visitor.click("Edit")


def raw(client: httpx.Client, entry: dict[str, Any]) -> str:
    return client.get(f"/{entry['key']}/raw").content.decode()


def test_letter_that_is_typed_changes_no_line_end(visitor: Visitor, site: WebServer) -> None:
    paste = create_paste(site.client, text="one\r\ntwo\r\nthree\rfour\n")
    open_editor(visitor, paste)

    visitor.page.locator("#text").press("Control+Home")
    visitor.page.keyboard.type("t")
    visitor.click("Save")

    assert raw(site.client, paste) == "tone\r\ntwo\r\nthree\rfour\n"


def test_text_that_is_not_touched_is_not_written_whatever_is_in_it(visitor: Visitor, site: WebServer) -> None:
    text = f"\n{EVERY_CHARACTER_BUT_NUL}\r\n\r"
    paste = create_paste(site.client, text=text)
    open_editor(visitor, paste)

    visitor.page.get_by_label("Title").fill("New")
    visitor.click("Save")

    assert raw(site.client, paste) == text
    assert site.client.get(f"/api/v1/entries/{paste['key']}").json()["title"] == "New"


def test_clash_is_shown_with_both_texts_and_settled(new_visitor: NewVisitor, site: WebServer) -> None:
    visitor = new_visitor()
    paste = create_paste(site.client, text="as it was")
    open_editor(visitor, paste)
    theirs = {"text": "theirs", "title": "Theirs"}
    site.client.patch(f"/api/v1/entries/{paste['key']}", json=theirs, headers=manage_headers(paste)).raise_for_status()

    visitor.page.locator("#text").fill("mine")
    visitor.click("Save", status=409)

    assert visitor.page.get_by_label("Your version").input_value() == "mine"
    assert visitor.page.get_by_label("The text now").input_value() == "theirs"
    assert visitor.page.get_by_label("Title").input_value() == "Theirs"
    assert raw(site.client, paste) == "theirs"
    visitor.click("Save")
    assert raw(site.client, paste) == "mine"
    assert site.client.get(f"/api/v1/entries/{paste['key']}").json()["title"] == "Theirs"
