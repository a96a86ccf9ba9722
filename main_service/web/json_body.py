"""Reads JSON bodies so that a hostile one costs neither memory nor the event loop."""

import asyncio
import json
import re
from typing import Any

from fastapi import Request

INLINE_BYTES = 256 * 1024
MAX_STRUCTURE_BYTES = 16 * 1024
MAX_STRINGS = 1_100
"""What a body may hold besides the inside of its strings, and how many of these. Ours hold a dozen names and at most
1,000 keys, each on a line of its own perhaps; a body of nested lists or of many names would take twenty times its size
in memory once it is parsed."""

SLICE_BYTES = 512 * 1024
"""Looked at in one go, a few milliseconds; then others have their turn."""

# As far as a string goes on: no quotation mark, and of a backslash both characters or none.
_INSIDE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_QUOTE = ord('"')

_one_large_at_a_time = asyncio.Lock()
"""Parsing holds the interpreter's lock, so several at once would only stop everybody else for longer."""


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
    """Whether the body is little besides a few strings. Stops as soon as it is not; looks at no byte twice."""
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
    """Behind the closing quotation mark of a string that `position` is in; the end of a body that has none."""
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
    """The body's value. A byte order mark in front is passed over, as RFC 8259 lets parsers do.

    Raises:
        json.JSONDecodeError: it is not JSON in UTF-8, is nested deeper than Python reads, or an object in it has a name
            twice. FastAPI makes a 422 of it.
    """
    try:
        return json.loads(
            body.decode("utf-8-sig"), parse_constant=_refuse_constant, object_pairs_hook=_object_of_different_names
        )
    except _NameTwiceError:
        # The causes hold the body.
        raise json.JSONDecodeError("A name is given twice in the body", "", 0) from None
    except (ValueError, RecursionError):
        raise json.JSONDecodeError("The body is not valid JSON in UTF-8", "", 0) from None


class _NameTwiceError(ValueError):
    """Readers differ about which value counts, so what somebody else has checked might not be what we take."""


def _object_of_different_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _NameTwiceError
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
