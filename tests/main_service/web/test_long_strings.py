"""Long strings of JSON bodies: decoded piece by piece, and the same as in one go."""

import json
import random
from typing import Any

import httpx
import pytest

from main_service.web.bodies import long_strings
from main_service.web.bodies.json import LONG_BYTES, read_json
from main_service.web.bodies.long_strings import StringTooLongError
from tests.support.entries import new_alias

SIGNS = ["a", "ä", "\u2603", "\U0001f600", '"', "\\", "\n", "\0", "/", "\x7f", "\ud7ff", "\ue000", "b" * 50]
MIB = 1024 * 1024


@pytest.mark.parametrize("ensure_ascii", [True, False])
@pytest.mark.parametrize("piece_bytes", [12, 13, 17, 1_000])
async def test_value_is_that_of_the_library_wherever_pieces_end(
    monkeypatch: pytest.MonkeyPatch, ensure_ascii: bool, piece_bytes: int
) -> None:
    monkeypatch.setattr(long_strings, "_PIECE_BYTES", piece_bytes)
    drawn = random.Random(piece_bytes)
    texts = ["".join(drawn.choices(SIGNS, k=40_000)) for _ in range(3)]
    value = {"text": texts[0], "list": [texts[1], "short", {"deep": texts[2]}], "number": 1}
    body = b"\xef\xbb\xbf \r\n" + json.dumps(value, ensure_ascii=ensure_ascii).encode() + b"\n" + b" " * 10

    assert len(body) > 256 * 1024
    assert await read_json(body) == value
    assert await read_json(bytearray(body)) == value


@pytest.mark.parametrize(
    "wrong",
    [b"\\x", b"\\u12x", b"\\ud800", b"\\ud83d\\u0041", b"\xff", b"\xe4\xb8", b"\n", b"\0", b'"', b"\\"],
    ids=repr,
)
async def test_what_is_no_json_is_refused_in_a_long_string(wrong: bytes) -> None:
    for place in (0, 150_000, 299_990, 300_000):
        text = b"a" * place + wrong + b"a" * (300_000 - place)
        with pytest.raises(json.JSONDecodeError):
            await read_json(b'{"text": "' + text + b'"}')


async def test_no_more_than_a_piece_is_decoded_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    loads = json.loads

    def measuring(text: str, **options: Any) -> Any:
        sizes.append(len(text))
        return loads(text, **options)

    monkeypatch.setattr(json, "loads", measuring)
    await read_json(b'{"text": "' + b"\\n" * (2 * MIB) + b'", "title": "' + b"a" * MIB + b'"}')

    assert max(sizes) < 256 * 1024


async def test_string_longer_than_any_may_be_is_not_decoded_to_its_end() -> None:
    with pytest.raises(StringTooLongError):
        await read_json(b'{"text": "' + b"a" * (5 * MIB) + b'"}', max_characters=2 * MIB)


async def test_many_strings_that_are_just_not_long_are_refused() -> None:
    strings = ",".join(['"' + "a" * (LONG_BYTES - 10) + '"'] * 500)

    with pytest.raises(json.JSONDecodeError, match="flat"):
        await read_json(f"[{strings}]".encode())


def test_line_of_many_with_too_long_a_text_is_refused_and_others_are_read(client: httpx.Client) -> None:
    alias = new_alias()
    first = b'{"text": "' + b"a" * (11 * MIB) + b'"}\r\n'
    second = json.dumps({"text": "\U0001f600" * 200_000, "alias": alias}).encode()

    answer = client.post("/api/v1/entries/bulk", content=first + b" \r\n" + second)

    refused, created = map(json.loads, answer.text.splitlines())
    assert (refused["status"], refused["problem"]["code"]) == (413, "text_too_large")
    assert (created["line"], created["status"]) == (3, 201)
    assert client.get(f"/{alias}/raw").text == "\U0001f600" * 200_000
