"""Forms as browsers send them: the short ones with percent signs, in every letter there is, long ones in pieces."""

import asyncio
import json
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from main_service.entries.idempotency import json_pieces
from main_service.web.bodies import form as form_bodies
from main_service.web.bodies.form import SLICE_BYTES, read_form
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


def long_form(content: bytes) -> Request:
    body = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\n' + content + b"\r\n--x--\r\n"

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    return Request({"type": "http", "method": "POST", "headers": headers}, receive)


async def test_others_have_their_turns_while_a_form_of_line_ends_is_read() -> None:
    pieces = 16
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    read = await read_form(long_form(b"\r\n" * (pieces * SLICE_BYTES // 2)))
    counting.cancel()

    assert read == {"text": "\n" * (pieces * SLICE_BYTES // 2)}
    assert turns > pieces + pieces // 2, "parsed and decoded piece by piece"


@pytest.mark.parametrize("slice_bytes", [1, 2, 3, 7])
def test_long_form_is_read_as_it_was_sent_wherever_its_pieces_end(
    monkeypatch: pytest.MonkeyPatch, slice_bytes: int
) -> None:
    monkeypatch.setattr(form_bodies, "SLICE_BYTES", slice_bytes)

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.sampled_from(["a", "\r", "\n", "\r\n", "\u00e9", "\U0001f98a", "\r\n--", "-"])).map("".join))
    def is_as_sent(text: str) -> None:
        read = asyncio.run(read_form(long_form(text.encode())))
        assert read == {"text": text.replace("\r\n", "\n")}

    is_as_sent()


def test_form_that_ends_amid_a_letter_is_refused(client: httpx.Client) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xc3\r\n--x--\r\n'

    answer = client.post("/links", content=part, headers={"Content-Type": "multipart/form-data; boundary=x"})

    assert (answer.status_code, answer.json()["detail"]) == (422, "The form is not in UTF-8.")


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.dictionaries(st.text(), st.text()))
def test_pieces_of_a_form_are_its_json(fields: dict[str, str]) -> None:
    assert "".join(json_pieces(fields)) == json.dumps(fields, sort_keys=True)


def test_long_texts_are_written_in_pieces() -> None:
    fields = {"text": "\U0001f98a" * 1_000_000, "title": ""}

    pieces = list(json_pieces(fields))

    assert "".join(pieces) == json.dumps(fields, sort_keys=True)
    assert max(map(len, pieces)) < 2_000_000
