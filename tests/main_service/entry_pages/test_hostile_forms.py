"""Forms as browsers send them: the short ones with percent signs, in every letter there is."""

import asyncio
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from main_service.web.bodies.form import read_form
from tests.support.entries import create_link, new_alias
from tests.support.pages import BROWSER, created_key


def send_short_form(client: httpx.Client, fields: dict[str, str]) -> httpx.Response:
    """The link form as a browser sends it, without the encoding of forms with texts."""
    return client.post("/links", data=fields, headers=BROWSER)


def test_link_form_takes_a_title_and_an_address_in_any_letters(client: httpx.Client) -> None:
    alias = new_alias()
    fields = {
        "original_url": "https://b\u00fccher.example/\u00fc",
        "title": "\u00dcber \U0001f98a & +100 %",
        "alias": alias,
    }

    assert created_key(send_short_form(client, fields)) == alias

    entry = client.get(f"/api/v1/entries/{alias}").json()
    assert (entry["original_url"], entry["title"]) == (fields["original_url"], fields["title"])


def test_refused_link_form_keeps_letters_of_any_kind(client: httpx.Client) -> None:
    alias = create_link(client, alias=new_alias())["key"]

    page = send_short_form(
        client, {"original_url": "https://b\u00fccher.example/", "title": "\u00dcber", "alias": alias}
    )

    assert page.status_code == 409
    assert 'value="https://b\u00fccher.example/"' in page.text
    assert 'value="\u00dcber"' in page.text


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=20), st.booleans())
def test_short_form_is_read_as_it_was_sent(fields: dict[str, str], is_raw: bool) -> None:
    """Programs may send letters as they are, without percent signs."""
    encoded = urlencode(fields, safe="".join(filter(str.isalpha, "".join(fields.values()))) if is_raw else "")

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": encoded.encode(), "more_body": False}

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    read = asyncio.run(read_form(Request({"type": "http", "method": "POST", "headers": headers}, receive)))

    assert read == {name: value.replace("\r\n", "\n") for name, value in fields.items()}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"title=a&title=m4rk3r"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\na\r\n'
            b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nm4rk3r\r\n--x--\r\n',
        ),
    ],
)
def test_form_with_a_name_twice_is_refused(client: httpx.Client, content_type: str, body: bytes) -> None:
    answer = client.post("/links", content=body, headers={"Content-Type": content_type})

    assert (answer.status_code, answer.json()["detail"]) == (422, "The form can't be read.")
    assert "m4rk3r" not in answer.text
