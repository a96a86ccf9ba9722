"""Reads JSON bodies so that a hostile one can neither fill memory nor block the event loop."""

import asyncio
import json
import re
from typing import Any

from fastapi import Request

INLINE_BYTES = 256 * 1024
MAX_STRUCTURE_BYTES = 16 * 1024
MAX_STRINGS = 1_100
"""The most bytes outside of strings, and the most strings, of a body. Valid bodies have a dozen names and at most 1,000
keys, perhaps each on its own line. A body of nested lists or of many names would take twenty times its size in memory
once parsed."""

SLICE_BYTES = 512 * 1024
"""The bytes that are scanned in one go, in a few milliseconds, before other requests have their turn."""

# As far as a string goes on: no quotation mark, and of a backslash both characters or none.
_INSIDE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_QUOTE = ord('"')

_one_large_at_a_time = asyncio.Lock()
"""One body is parsed at a time: parsing holds the interpreter lock, so several would only block all else for longer."""


class JsonRequest(Request):
    async def json(self) -> Any:
        body = await self.body()
        if not await _is_flat(body):
            sentence = "The body isn't a flat JSON object, or has too much white space"
            raise json.JSONDecodeError(sentence, "", 0)
        if len(body) <= INLINE_BYTES:
            return _parse(body)
        async with _one_large_at_a_time:
            return await asyncio.to_thread(_parse, body)


async def _is_flat(body: bytes) -> bool:
    """Whether the body is within both limits. Stops where it is not; scans no byte twice."""
    structure_bytes = strings = position = 0
    while True:
        quote = body.find(b'"', position, position + MAX_STRUCTURE_BYTES + 1)
        structure_bytes += (len(body) if quote < 0 else quote) - position
        if structure_bytes > MAX_STRUCTURE_BYTES:
            return False
        if quote < 0:
            return True
        strings += 1
        if strings > MAX_STRINGS:
            return False
        position = await _end_of_string(body, quote + 1)


async def _end_of_string(body: bytes, position: int) -> int:
    """The position behind the closing quotation mark of the string at `position`, or else the end of the body."""
    while True:
        inside = _INSIDE.match(body, position, position + SLICE_BYTES)
        assert inside is not None, "the pattern matches nothing, too"
        position = inside.end()
        if position >= len(body) - 1 and body[position:] != b'"':
            # Not closed: at most a backslash is left.
            return len(body)
        if body[position] == _QUOTE:
            return position + 1
        await asyncio.sleep(0)


def _parse(body: bytes) -> Any:
    """The value of the body. A byte order mark at its start is ignored, as RFC 8259 permits.

    Raises:
        json.JSONDecodeError: it is not JSON in UTF-8, is nested deeper than Python reads, or an object in it has a name
            twice. FastAPI makes a 422 of it.
    """
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_constant=_refuse_constant, object_pairs_hook=_object_of_different_names
        )
    except _NameTwiceError:
        # The causes hold the body in memory.
        raise json.JSONDecodeError("A name is given twice in the body", "", 0) from None
    except (ValueError, RecursionError):
        raise json.JSONDecodeError("The body is not valid JSON in UTF-8", "", 0) from None


class _NameTwiceError(ValueError):
    """An object has a name twice. Parsers differ about which value counts, so a check elsewhere may not hold here."""


def _object_of_different_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _NameTwiceError
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
