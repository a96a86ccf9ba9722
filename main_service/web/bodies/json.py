"""Reads JSON bodies so that a hostile one can neither fill memory nor block the event loop."""

import asyncio
import json
import re
from typing import Any, cast

from fastapi import Request

from main_service.web.bodies.long_strings import LongStrings, Span, StringTooLongError

INLINE_BYTES = 256 * 1024
MAX_STRUCTURE_BYTES = 16 * 1024
MAX_STRINGS = 1_100
"""The most bytes outside of strings, and the most strings, of a body. Valid bodies have a dozen names and at most 1,000
keys, perhaps each on its own line. A body of nested lists or of many names would take twenty times its size in memory
once parsed."""

LONG_BYTES = 16 * 1024
"""From this size on, strings of a large body are decoded piece by piece. The rest of any valid body is small."""
MAX_REST_BYTES = 1024 * 1024

SLICE_BYTES = 512 * 1024
"""The bytes that are scanned in one go, in a few milliseconds, before other requests have their turn."""

_NOT_FLAT = "The body isn't a flat JSON object, or has too much white space"
_NOT_JSON = "The body is not valid JSON in UTF-8"

# The rest of a string up to its end: no quotation mark, and escapes only as a whole.
_INSIDE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_QUOTE = ord('"')

_one_large_at_a_time = asyncio.Lock()
"""One body is parsed at a time: parsing holds the interpreter lock, so several would only block all else for longer."""


class JsonRequest(Request):
    async def body(self) -> bytes:
        """The body, which grows as it arrives: joining its chunks at the end would block all other requests."""
        if not hasattr(self, "_body"):
            body = bytearray()
            async for chunk in self.stream():
                body += chunk
            # A bytearray can be used like bytes.
            self._body = cast(bytes, body)
        return self._body

    async def json(self) -> Any:
        return await read_json(await self.body())


async def read_json(body: bytes, *, max_characters: int | None = None) -> Any:
    """The value of a body, or of a line that is as one. `max_characters`: of a string; None: no limit.

    Raises:
        json.JSONDecodeError: it is not JSON within the limits above.
        StringTooLongError: a string of a large body has more than `max_characters`.
    """
    long = await _long_strings(body)
    if long is None:
        raise json.JSONDecodeError(_NOT_FLAT, "", 0)
    if len(body) <= INLINE_BYTES:
        return _parse(body)
    async with _one_large_at_a_time:
        return await asyncio.to_thread(_parse_large, LongStrings(body, long, max_characters=max_characters))


async def _long_strings(body: bytes) -> list[Span] | None:
    """The strings of at least `LONG_BYTES`; None: the body isn't within both limits. Scans no byte twice."""
    long: list[Span] = []
    structure_bytes = strings = position = 0
    while True:
        quote = body.find(b'"', position, position + MAX_STRUCTURE_BYTES + 1)
        structure_bytes += (len(body) if quote < 0 else quote) - position
        if structure_bytes > MAX_STRUCTURE_BYTES:
            return None
        if quote < 0:
            return long
        strings += 1
        if strings > MAX_STRINGS:
            return None
        position = await _end_of_string(body, quote + 1)
        if position - quote >= LONG_BYTES:
            long.append((quote, position))


async def _end_of_string(body: bytes, position: int) -> int:
    """The position behind the closing quotation mark of the string at `position`, or else the end of the body."""
    while True:
        inside = _INSIDE.match(body, position, position + SLICE_BYTES)
        assert inside is not None, "the pattern matches nothing, too"
        position = inside.end()
        if position >= len(body) - 1 and body[position:] != b'"':
            # The string is not closed; at most a backslash is left.
            return len(body)
        if body[position] == _QUOTE:
            return position + 1
        await asyncio.sleep(0)


def _parse_large(strings: LongStrings) -> Any:
    rest = strings.rest
    if len(rest) > MAX_REST_BYTES:
        raise json.JSONDecodeError(_NOT_FLAT, "", 0)
    value = _parse(rest)
    try:
        return strings.filled_in(value)
    except StringTooLongError:
        raise
    except (ValueError, RecursionError):
        raise json.JSONDecodeError(_NOT_JSON, "", 0) from None


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
        raise json.JSONDecodeError(_NOT_JSON, "", 0) from None


class _NameTwiceError(ValueError):
    """An object has a name twice. Parsers differ about which value counts, so checks elsewhere could be bypassed."""


def _object_of_different_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _NameTwiceError
    return values


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
