"""Bodies and headers of any bytes are read as what they are or refused, and nothing else happens."""

import asyncio
import json
import time
from typing import Any

import pytest
from fastapi import Request
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from main_service.compression.encodings import MAX_CHOICES, best_encoding, weighted_choices
from main_service.errors import InvalidInputError
from main_service.web.bodies.form import read_form
from main_service.web.bodies.json import JsonRequest
from main_service.web.negotiation import wants_html

many = settings(max_examples=400, deadline=None, derandomize=True, database=None)
some = settings(many, max_examples=100)

GUARD_CPU_SECONDS = 5


def request_of(body: bytes, content_type: str) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode("latin-1"))]
    return JsonRequest({"type": "http", "method": "POST", "headers": headers}, receive)


def json_of(body: bytes) -> Any:
    return asyncio.run(request_of(body, "application/json").json())


def form_of(body: bytes, content_type: str) -> dict[str, str]:
    return asyncio.run(read_form(request_of(body, content_type)))


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.floats(allow_nan=False, allow_infinity=False)
)


@some
@given(
    st.dictionaries(st.text(max_size=10), SCALARS, max_size=20), st.booleans(), st.sampled_from([None, 0, 2, "\t\r"])
)
def test_flat_object_is_read_however_it_is_written(fields: dict[str, Any], ascii_only: bool, indent: Any) -> None:
    body = json.dumps(fields, ensure_ascii=ascii_only, indent=indent).encode()

    assert json_of(body) == fields


JSON_PIECES = [
    "{",
    "}",
    "[",
    "]",
    '"',
    "\\",
    ",",
    ":",
    "1",
    "-",
    "e",
    ".",
    "null",
    "NaN",
    "true",
    " ",
    "\n",
    "\u00fc",
    "\ufeff",
    '"a":',
]


@many
@given(st.binary(max_size=50) | st.lists(st.sampled_from(JSON_PIECES), max_size=30).map(lambda p: "".join(p).encode()))
def test_json_is_read_exactly_where_python_reads_it(body: bytes) -> None:
    def different_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({name for name, _ in pairs}) == len(pairs)
        return dict(pairs)

    try:
        expected = json.loads(
            body.decode("utf-8-sig"), parse_constant=lambda _: 1 / 0, object_pairs_hook=different_names
        )
    except (ValueError, ZeroDivisionError, AssertionError):
        with pytest.raises(json.JSONDecodeError):
            json_of(body)
    else:
        assert json_of(body) == expected


@some
@given(st.text('"\\{}[],: a1', min_size=1, max_size=8), st.text('"\\{}[],: a1', max_size=8))
def test_json_made_of_any_repeated_piece_is_judged_in_no_time(piece: str, start: str) -> None:
    """A scan that looks at bytes twice would take minutes for a body of this size."""
    began_at = time.process_time()
    try:
        json_of((start + piece * (1024 * 1024 // len(piece))).encode())
    except json.JSONDecodeError:
        pass

    assert time.process_time() - began_at < GUARD_CPU_SECONDS


FIELD_NAMES = st.text(st.characters(exclude_characters='"\\\r\n\0', exclude_categories=["Cs"]), min_size=1)
BOUNDARY = "boundary-of-the-test"


@some
@given(st.dictionaries(FIELD_NAMES, st.text(), min_size=1, max_size=20))
def test_form_of_parts_is_read_as_it_was_sent(fields: dict[str, str]) -> None:
    assume(not any(BOUNDARY in value for value in fields.values()))
    parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    body = "".join(f"--{BOUNDARY}\r\n{part}\r\n" for part in parts) + f"--{BOUNDARY}--\r\n"

    read = form_of(body.encode(), f"multipart/form-data; boundary={BOUNDARY}")

    assert read == {name: value.replace("\r\n", "\n") for name, value in fields.items()}


FORM_PIECES = [
    b"--x", b"--x--", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b'Content-Disposition: form-data; name="a"',
    b'; filename="b"', b"a=b", b"=", b"&", b"%", b"%ff", b"+", b"\xff", b"\0",
    b"Content-Type: text/plain", b"; charset=utf-7",
]  # fmt: skip
FORM_TYPES = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data; boundary="]


@many
@given(
    st.binary(max_size=100) | st.lists(st.sampled_from(FORM_PIECES), max_size=20).map(b"".join),
    st.sampled_from(FORM_TYPES) | st.text(st.characters(max_codepoint=0xFF), max_size=60),
)
def test_any_bytes_are_a_form_of_texts_or_refused(body: bytes, content_type: str) -> None:
    try:
        fields = form_of(body, content_type)
    except InvalidInputError:
        return
    for name, value in fields.items():
        (name + value).encode()


# Who asks.


@pytest.mark.parametrize(
    ("accept", "is_page"),
    [
        ("text/html", True),
        ("application/xhtml+xml", True),
        ("TEXT/HTML ; Level=1", True),
        # What browsers send.
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", True),
        ("text/html, application/json", True),
        ("text/html;q=0.5, application/json;q=0.5", True),
        ("text/html;q=0.5, image/png", True),
        ("text/html;q=0.2, */*;q=0.1", True),
        ("text/html;q=0.2, text/*, text/plain;q=0.1", True),
        ("text/html;q=0.001", True),
        ("text/html;q=nonsense", True),
        ("application/json, text/html;q=0.9", False),
        ("application/problem+json, text/html;q=0.9", False),
        ("text/plain;q=0.8, text/html;q=0.7", False),
        ("text/html;q=0.5, */*", False),
        ("text/html;q=0.5, text/*", False),
        ("text/html;q=0", False),
        ("text/html; q = 0.000", False),
        ("text/html;a=b;Q=0, */*", False),
        ("text/htmlx", False),
        ("text/*", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_page_is_for_requests_that_name_html_and_prefer_nothing_to_it(accept: str, is_page: bool) -> None:
    assert wants_html(Headers({"accept": accept})) == is_page


def test_only_the_first_choices_of_a_header_are_read() -> None:
    """A header of 32 KB may name 16,000."""
    assert len(list(weighted_choices("," * 30_000))) == MAX_CHOICES
    assert wants_html(Headers({"accept": "a," * (MAX_CHOICES - 1) + "text/html"}))
    assert not wants_html(Headers({"accept": "a," * MAX_CHOICES + "text/html"}))
    assert best_encoding(b"a," * (MAX_CHOICES - 1) + b"gzip") == "gzip"
    assert best_encoding(b"a," * MAX_CHOICES + b"gzip") == "identity"


@many
@given(st.lists(st.text(st.characters(max_codepoint=0xFF)), max_size=3))
def test_no_accept_header_is_too_strange(accepted: list[str]) -> None:
    headers = Headers(raw=[(b"accept", value.encode("latin-1")) for value in accepted])

    assert wants_html(headers) in (True, False)
