"""Texts come back exactly as they went in: from the API, from the form, as text and on the page."""

import httpx
import pytest

from tests.support.entries import create_paste, manage_headers
from tests.support.pages import BROWSER, created_key, send_form
from tests.support.rendered import text_on_page
from tests.support.web import WebServer

MEBIBYTE = 1024 * 1024
EVERY_CHARACTER = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))

TEXTS = {
    "script": "<script>alert(1)</script>",
    "end of a textarea": "\n</textarea></pre></code><img src=x onerror=alert(1)>",
    "comment and cdata": "<!-- --!> ]]> <![CDATA[ <?php",
    "entities": "&lt;&amp;&#39;&#x22;&quot &notin; &#0; &amp;amp;",
    "template": "{{ 7 * 7 }}{% raw %}${7}#{7}%s%n",
    "only newlines": "\n\n\n",
    "first and last newlines": "\n\ntext\n\n",
    "windows and old mac": "\r\none\r\ntwo\rthree\n\rfour\r\r\n",
    "only a carriage return": "\r",
    "nul": "\0nul\0in\0between\0",
    "every control character": "".join(map(chr, range(0x20))) + "".join(map(chr, range(0x7F, 0xA0))),
    "spaces": " \t  \u00a0\u2003\u3000 ",
    "other line ends": "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029",
    "direction": "\u202eright to left\u202c \u2066\u2069 \u05e9\u05dc\u05d5\u05dd \u200e\u200f\u061c",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\u00adf\ufeff",
    "byte order mark": "\ufeffmark",
    "two byte order marks": "\ufeff\ufeff",
    "swapped byte order mark": "\ufffemark",
    "noncharacters": "\ufffe\uffff\ufdd0\ufdef\U0001fffe\U0010ffff",
    "private and replacement": "\ue000\uf8ff\ufffd\U000f0000",
    "emoji": "\U0001f98a\U0001f468\u200d\U0001f469\u200d\U0001f467\ufe0f\U0001f1e9\U0001f1ea",
    "combining": "e\u0301 \u00e9 \u1e9b\u0323 z" + "\u0335" * 500,
    "edges of utf-8": "\x00\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U000fffff\U00100000\U0010ffff",
    "looks like json": '{"text": "\\u0000", "title": null}',
    "looks like a form": '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nx\r\n--x--\r\n',
    "long line": "\u00fc<" * (MEBIBYTE // 3 - 10),
    "many short lines": "a\n" * 49_000,
}


@pytest.fixture
def client(web: WebServer) -> httpx.Client:
    """One visitor for all rows of the table."""
    return web.client


def assert_reads_as(client: httpx.Client, key: str, text: str) -> None:
    for address in (f"/{key}", f"/{key}/raw", f"/api/v1/entries/{key}/text"):
        answer = client.get(address, headers={"Accept-Encoding": "identity"})
        assert (answer.content == text.encode(), answer.headers["content-type"]) == (True, "text/plain; charset=utf-8")
        assert answer.headers["content-length"] == str(len(text.encode()))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_of_the_api_comes_back_as_it_went_in(client: httpx.Client, text: str) -> None:
    paste = create_paste(client, text=text)

    assert paste["size_bytes"] == len(text.encode())
    assert_reads_as(client, paste["key"], text)
    page = client.get(f"/{paste['key']}", headers=BROWSER)
    assert text_on_page(page.text) == text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_that_is_changed_comes_back_as_it_went_in(client: httpx.Client, text: str) -> None:
    paste = create_paste(client)

    changed = client.patch(f"/api/v1/entries/{paste['key']}", json={"text": text}, headers=manage_headers(paste))

    assert changed.status_code == 200
    assert_reads_as(client, paste["key"], text)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_text_of_a_form_comes_back_with_its_line_ends_as_one_character(client: httpx.Client, text: str) -> None:
    """A browser sends each line end of a text field as two characters and never a carriage return alone."""
    key = created_key(send_form(client, "/", "/pastes", text=text))

    assert_reads_as(client, key, text.replace("\r\n", "\n"))


def test_text_of_every_character_there_is_comes_back(client: httpx.Client) -> None:
    key = create_paste(client, text=EVERY_CHARACTER)["key"]

    assert_reads_as(client, key, EVERY_CHARACTER)
    assert text_on_page(client.get(f"/{key}", headers=BROWSER).text) == EVERY_CHARACTER


@pytest.mark.parametrize("text", ["\0" * 50_001, "\r" * 30_000 + "\0" * 30_000, "a\r\n\0b" * 300_000])
def test_text_of_too_many_marks_is_shown_without_them_and_says_so(client: httpx.Client, text: str) -> None:
    """Each is an element: a hostile text of millions would hang its reader's browser."""
    page = client.get(f"/{create_paste(client, text=text)['key']}", headers=BROWSER).text

    assert page.count('<i class="nul">') + page.count("<br>") <= 50_000
    assert page.count("data-inexact") == 1


def test_form_refuses_a_text_of_no_characters(client: httpx.Client) -> None:
    page = send_form(client, "/", "/pastes", text="")

    assert page.status_code == 422
    assert 'id="text-error"' in page.text
