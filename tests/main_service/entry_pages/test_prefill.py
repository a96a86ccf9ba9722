"""The form for a new entry, filled in by its URL; one form for both kinds; and texts of many megabytes in it."""

import html
import re

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from main_service.entry_pages.form_text import LateTexts, text_in_form
from main_service.web.templating import HTMLResponse
from tests.support.entries import create_link, create_paste, new_alias
from tests.support.pages import BROWSER, send_form, visible_text

HOSTILE = '"></textarea><script>alert(1)</script>'


def field(page: httpx.Response, name: str) -> str:
    """What a field of the page holds."""
    if found := re.search(rf'<textarea id="{name}"[^>]*>\n([^<]*)</textarea>', page.text):
        return html.unescape(found[1])
    if found := re.search(rf'<input id="{name}"[^>]*? value="([^"]*)"', page.text):
        return html.unescape(found[1])
    select = re.search(rf'<select id="{name}".*?</select>', page.text, re.DOTALL)
    assert select
    chosen = re.search(r'<option value="([^"]*)" selected', select[0])
    return chosen[1] if chosen else ""


def is_link(page: httpx.Response) -> bool:
    return 'id="kind-link" name="kind" value="link" checked' in page.text


@pytest.mark.parametrize(
    ("query", "name", "shown"),
    [
        ({"text": f"\r\none\n{HOSTILE}"}, "text", f"\r\none\n{HOSTILE}"),
        ({"title": f"a & b{HOSTILE}"}, "title", f"a & b{HOSTILE}"),
        ({"title": "t" * 300}, "title", "t" * 200),
        ({"lang": "Python"}, "syntax", "python"),
        ({"lang": "pyw"}, "syntax", "python"),
        ({"lang": HOSTILE}, "syntax", ""),
        ({"url": f"https://example.org/?a&{HOSTILE}"}, "original_url", f"https://example.org/?a&{HOSTILE}"),
    ],
)
def test_url_fills_in_the_form(client: httpx.Client, query: dict[str, str], name: str, shown: str) -> None:
    page = client.get("/", params=query, headers=BROWSER)

    assert (page.status_code, field(page, name)) == (200, shown)
    assert "<script>alert" not in page.text
    assert is_link(page) == (name == "original_url")
    # A made-up URL gets no page of ours into search engines.
    assert page.headers["x-robots-tag"] == ("all" if not shown else "noindex")


def test_url_and_text_together_are_a_text_unless_a_link_is_asked_for(client: httpx.Client) -> None:
    query = {"url": "https://example.org/", "text": "about it"}

    assert not is_link(client.get("/", params=query, headers=BROWSER))
    page = client.get("/", params=query | {"kind": "link"}, headers=BROWSER)
    assert is_link(page)
    assert (field(page, "text"), field(page, "original_url")) == ("about it", "https://example.org/")


def test_copy_carries_the_language_that_its_reader_chose(client: httpx.Client) -> None:
    key = create_paste(client, text="puts 1", syntax="python")["key"]
    read = client.get(f"/{key}?lang=ruby", headers=BROWSER).text

    assert f'href="/?from={key}&amp;lang=ruby"' in read
    assert field(client.get("/", params={"from": key, "lang": "ruby"}, headers=BROWSER), "syntax") == "ruby"
    assert field(client.get("/", params={"from": key}, headers=BROWSER), "syntax") == "python"


def test_one_form_makes_the_kind_that_is_chosen_in_it(client: httpx.Client) -> None:
    alias = new_alias()
    both = {"text": "typed before", "syntax": "python", "original_url": "https://example.org/both", "alias": alias}

    # Enter in a field sends the form where it leads without scripts.
    send_form(client, "/", "/pastes", kind="link", **both)
    assert client.get(f"/{alias}").headers["location"] == "https://example.org/both"
    other = new_alias()
    send_form(client, "/", "/links", kind="paste", **both | {"alias": other})
    assert client.get(f"/{other}/raw").text == "typed before"


def test_refused_form_stays_of_its_kind_and_forms_without_a_kind_are_strict(client: httpx.Client) -> None:
    page = send_form(client, "/", "/pastes", kind="link", original_url="javascript:alert(1)", text="kept")

    assert (page.status_code, is_link(page), field(page, "text")) == (422, True, "kept")
    assert send_form(client, "/", "/pastes", text="a", original_url="https://example.org/").status_code == 422
    assert send_form(client, "/", "/pastes", kind="neither", text="a", original_url="").status_code < 400


def test_box_for_burning_leaves_one_view_whatever_is_typed(client: httpx.Client) -> None:
    for views in ("", "7", "nonsense"):
        alias = new_alias()
        send_form(client, "/", "/pastes", kind="paste", text="once", burn="yes", views=views, alias=alias)
        assert client.get(f"/api/v1/entries/{alias}").json()["views_left"] == 1
    refused = send_form(client, "/", "/pastes", kind="paste", text="", burn="yes")
    assert 'name="burn" value="yes" checked' in refused.text


def test_more_is_open_where_something_in_it_is_wrong(client: httpx.Client) -> None:
    taken = create_link(client, alias=new_alias())["key"]

    assert '<details class="drop more">' in client.get("/", headers=BROWSER).text
    page = send_form(client, "/", "/pastes", text="a", alias="no good!")
    assert '<details class="drop more" open>' in page.text
    assert "name is taken" in visible_text(send_form(client, "/", "/pastes", text="a", alias=taken))


@settings(deadline=None, derandomize=True, database=None)
@given(st.text(st.sampled_from("a\r\n\0<&ü六😀"), max_size=40), st.integers(min_value=1, max_value=7))
def test_text_is_read_in_pieces_as_it_would_be_as_a_whole(text: str, size: int) -> None:
    encoded = text.encode()
    chunks = [encoded[start : start + size] for start in range(0, len(encoded), size)]

    assert text_in_form(chunks) == text.replace("\r\n", "\n").replace("\r", "\n")


def test_long_texts_come_into_the_page_where_their_marks_are() -> None:
    late_texts = LateTexts()
    texts = ["<&>" * 50_000, "short <", "ü" * 200_000]
    marks = [late_texts.mark(text) for text in texts]

    page = late_texts.fill_in(HTMLResponse(f"<a>{marks[0]}</a>{html.escape(marks[1])}<b>{marks[2]}</b>"))

    whole = f"<a>{html.escape(texts[0])}</a>{html.escape(texts[1])}<b>{texts[2]}</b>".encode()
    assert bytes(page.body) == whole
    assert page.headers["content-length"] == str(len(whole))
