"""Copy puts the stored text on the clipboard, to the character, and asks the server for nothing."""

import pytest

from tests.browser.visitor import Visitor
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.web import WebServer

TEXTS = {
    "no newline at the end": "correct horse",
    "a newline at the end": "ls -l\n",
    "only newlines": "\n\n",
    "line ends of windows": "one\r\n\r\ntwo\r\n",
    "lone carriage returns": "10 %\r20 %\rdone\r\n\rx\r\r\ny\r",
    "nul": "\0a\0\0b\n\u2400\n\0",
    "controls and spaces": "\t \x01\x0b\x0c\x1b[1m\x7f\x85\u2028\ufeff \u00a0",
    "markup": "<b>&amp;&#13;</b>\n<i class=nul>\u2400</i>",
    "too long for numbers": "l\u00f6ng\r\nline\r\0" * 17_000 + "x" * 1024 * 1024,
}


def copy(visitor: Visitor) -> str:
    """Copy the text of the open page; fails if a request is made for it."""
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url))
    visitor.page.evaluate("navigator.clipboard.writeText('what was there before')")
    visitor.page.get_by_role("button", name="Copy text").click()
    visitor.page.get_by_text("Text copied").wait_for()
    text = visitor.clipboard()
    assert [url for url in asked if "/static/" not in url] == []
    return text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_copy_gives_the_text_to_the_character(visitor: Visitor, site: WebServer, text: str) -> None:
    visitor.open(f"/{create_paste(site.client, text=text)['key']}")

    assert copy(visitor) == text


@pytest.mark.parametrize("views", [1, 3])
def test_copy_after_a_reveal_gives_the_text_and_spends_no_view(visitor: Visitor, site: WebServer, views: int) -> None:
    text = "pass\0word\r\nwith \r everything"
    paste = create_paste(site.client, text=text, views=views)
    visitor.open(f"/{paste['key']}")
    visitor.click("Show the text")

    assert copy(visitor) == text
    left = site.client.get(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste))
    assert left.status_code == 410 if views == 1 else left.json()["views_left"] == views - 1


def test_text_that_a_page_can_not_hold_is_not_offered_for_copying(visitor: Visitor, site: WebServer) -> None:
    visitor.open(f"/{create_paste(site.client, text='a' + chr(0) * 50_001)['key']}")

    assert visitor.page.get_by_role("link", name="Raw").is_visible()
    assert not visitor.page.get_by_role("button", name="Copy text").is_visible()


def test_target_of_a_link_is_copied_as_it_was_given(visitor: Visitor, site: WebServer) -> None:
    target = "https://user@ex\u00e4mple.org:8443/a?b=<c>&d#e"
    visitor.open(f"/{create_link(site.client, original_url=target)['key']}+")

    visitor.page.get_by_role("button", name="Copy URL").click()
    visitor.page.get_by_text("URL copied").wait_for()
    assert visitor.clipboard() == target
