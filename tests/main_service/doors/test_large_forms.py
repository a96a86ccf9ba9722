"""Forms of many megabytes: others are answered while one is read, and none of it grows to many times its size."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi import Request
from starlette.types import Message

from main_service.doors.curl import _url_of_form
from main_service.doors.multipart import read_parts
from main_service.doors.urlencoded import _read_urlencoded
from main_service.errors import InvalidInputError

MIB = 1024 * 1024
URLENCODED = {"Content-Type": "application/x-www-form-urlencoded"}
PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--b--\r\n'
MULTIPART = {"Content-Type": "multipart/form-data; boundary=b"}


def request_with(body: bytes, content_type: str) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}, receive)


async def turns_of_others(read: Callable[[], Awaitable[object]]) -> int:
    """How often another task has its turn until it has been read."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await read()
    counting.cancel()
    return turns


@pytest.mark.parametrize("content", [b"\r\n--" * (2 * MIB), b"\n" * (8 * MIB), b"x" * (8 * MIB)])
async def test_others_have_their_turn_while_a_large_form_is_searched(content: bytes) -> None:
    request = request_with(PART % (b"file", content), MULTIPART["Content-Type"])

    assert await turns_of_others(lambda: read_parts(request)) > 10
    (part,) = await read_parts(request) or []
    assert part.content == content


@pytest.mark.parametrize("distance", range(-3, 8))
async def test_delimiter_is_found_wherever_it_lies(distance: int) -> None:
    content = b"x" * (512 * 1024 - len(PART % (b"f", b"")) + 9 + distance)

    (part,) = await read_parts(request_with(PART % (b"f", content), MULTIPART["Content-Type"])) or []

    assert part.content == content


@pytest.mark.parametrize(
    ("path", "body", "headers", "field"),
    [
        ("/", b"url=http%3A//" + b"%41" * MIB, URLENCODED, "original_url"),
        ("/", b"url=http://" + b"\xff" * MIB, URLENCODED, "original_url"),
        ("/", PART % (b"url", b"\xff" * MIB), MULTIPART, "original_url"),
        ("/", PART % (b"expires", b"\xff" * MIB), MULTIPART, "expires"),
        ("/pastebinit", b"text=a&title=" + b"%ff" * MIB, URLENCODED, "title"),
    ],
)
def test_field_that_is_far_too_long_is_refused_before_it_is_decoded(
    client: httpx.Client, path: str, body: bytes, headers: dict[str, str], field: str
) -> None:
    answer = client.post(path, content=body, headers=headers)

    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert "too long" in error["message"] or "at most" in error["message"]


def test_name_that_is_far_too_long_is_refused(client: httpx.Client) -> None:
    answer = client.post("/pastebinit", content=b"\xff" * MIB + b"=1&text=a", headers=URLENCODED)

    assert (answer.status_code, answer.json()["detail"]) == (422, "The form can't be read.")


def test_header_of_far_too_many_parameters_is_not_read(client: httpx.Client) -> None:
    """Reading one of 32 KB took a tenth of a second, and a form has twenty."""
    body = PART % (b"file", b"text")
    lasting = body.replace(b'"file"', b'"file"' + b";" * 101)

    as_text = client.post("/", content=body, headers={"Content-Type": MULTIPART["Content-Type"] + ";" * 101})
    without_name = client.post("/", content=lasting, headers=MULTIPART)

    path = httpx.URL(as_text.text.strip()).path
    assert client.get(f"{path}/raw").content == body
    assert without_name.status_code == 422


def test_url_in_a_form_does_not_grow_to_many_times_its_size() -> None:
    body = b"url=http%3A//" + b"%41" * MIB
    request = request_with(body, URLENCODED["Content-Type"])
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError):
            _url_of_form(request, body)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < MIB


def pasted(client: httpx.Client, chunks: list[bytes]) -> httpx.Response:
    return client.post("/pastebinit", content=iter(chunks), headers=URLENCODED)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_urlencoded_form_is_the_same_however_it_is_cut(client: httpx.Client, size: int) -> None:
    body = b"&&title=a%26b&text=%25%0a+%C3%A4=%f0%9f%98%80+end&"

    answer = pasted(client, [body[at : at + size] for at in range(0, len(body), size)])

    assert answer.status_code == 201
    path = httpx.URL(answer.text.strip()).path
    assert client.get(f"{path}/raw").text == "%\n ä=😀 end"
    assert client.get(f"/api/v1/entries{path}").json()["title"] == "a&b"


MANY_FIELDS = b"".join(b"a%d=1&" % number for number in range(21))


@pytest.mark.parametrize(
    "wrong", [b"text=a%", b"text=a%4", b"text=%zz", b"text=a&text=b", b"text=a" + b"&" * 1_001, MANY_FIELDS]
)
def test_urlencoded_form_that_is_wrong_is_refused(client: httpx.Client, wrong: bytes) -> None:
    for size in (1, 1_000):
        answer = pasted(client, [wrong[at : at + size] for at in range(0, len(wrong), size)])
        assert (answer.status_code, answer.json()["detail"]) == (422, "The form can't be read.")


def test_field_larger_than_any_text_is_refused_as_soon_as_it_is(client: httpx.Client) -> None:
    answer = pasted(client, [b"text="] + [b"a" * MIB] * 11)

    assert (answer.status_code, answer.json()["code"]) == (413, "text_too_large")


async def test_others_have_their_turn_while_an_urlencoded_form_arrives() -> None:
    request = request_with(b"text=" + b"%41" * (3 * MIB), URLENCODED["Content-Type"])

    assert await turns_of_others(lambda: _read_urlencoded(request, max_text_bytes=3 * MIB)) > 30
