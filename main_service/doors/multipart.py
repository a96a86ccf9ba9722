"""Reads multipart forms whose parts are bytes, texts of many megabytes among them, also with line feeds alone."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request

from main_service.errors import InvalidInputError
from main_service.web.bodies.form import read_parameters

MEDIA_TYPE = b"multipart/form-data"
MAX_PARTS = 20
_SLICE_BYTES = 512 * 1024
"""Searched in one go, in a few milliseconds, before other requests have their turn."""

_MAX_HEADER_BYTES = 16 * 1024
_MAX_BOUNDARY_BYTES = 70
"""RFC 2046, 5.1.1."""
_DISPOSITION = re.compile(rb"^content-disposition:[ \t]*(.*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    name: str
    file_name: str | None
    """The name as it was sent, which may be hostile; None: the part is not a file."""
    content: bytes


async def read_parts(request: Request) -> list[Part] | None:
    """The parts of the form, in their order; None: the body is no multipart form.

    Raises:
        InvalidInputError: it can't be read, or has more than `MAX_PARTS`.
    """
    media_type, parameters = read_parameters(request.headers.get("content-type", ""))
    if media_type != MEDIA_TYPE:
        return None
    boundary = parameters.get(b"boundary", b"")
    if not 1 <= len(boundary) <= _MAX_BOUNDARY_BYTES:
        raise _UNREADABLE
    body = await request.body()
    parts: list[Part] = []
    async for start, end in _parts(body, b"--" + boundary):
        if len(parts) == MAX_PARTS:
            raise InvalidInputError(f"The form has more than {MAX_PARTS} parts.")
        parts.append(_part(body, start, end))
    return parts


_UNREADABLE = InvalidInputError("The multipart form can't be read.")


async def _parts(body: bytes, delimiter: bytes) -> AsyncIterator[tuple[int, int]]:
    """Where each part starts, behind the line end of its delimiter, and ends, before that of the next one.

    A line end is CR LF, or LF where the first delimiter has that: scripts that write forms by hand forget the CR. A
    text within may have either.
    """
    first = 0 if body.startswith(delimiter) else await _find(body, b"\n" + delimiter, 0) + 1
    if first == 0 and not body.startswith(delimiter):
        raise _UNREADABLE
    behind = first + len(delimiter)
    rest_of_line = body[behind : behind + _MAX_BOUNDARY_BYTES].lstrip(b" \t")
    line_end = b"\r\n" if rest_of_line.startswith(b"\r\n") else b"\n"
    at = _after_line(body, behind, line_end)
    while True:
        # A part without headers and content ends where its delimiter's line does.
        is_empty = body.startswith(delimiter, at)
        end = at - len(line_end) if is_empty else await _find(body, line_end + delimiter, at)
        if end < 0:
            raise _UNREADABLE
        behind = end + len(line_end) + len(delimiter)
        yield at, max(at, end)
        if body.startswith(b"--", behind):
            return
        at = _after_line(body, behind, line_end)


async def _find(body: bytes, wanted: bytes, at: int) -> int:
    """The position of the first `wanted` from `at` on, -1 if there is none."""
    while at < len(body):
        found = body.find(wanted, at, at + _SLICE_BYTES + len(wanted) - 1)
        if found >= 0:
            return found
        at += _SLICE_BYTES
        await asyncio.sleep(0)
    return -1


def _after_line(body: bytes, at: int, line_end: bytes) -> int:
    """The start of the next line. A delimiter is followed by its line end, or by spaces before that."""
    end = body.find(line_end, at, at + _MAX_BOUNDARY_BYTES)
    if end < 0 or body[at:end].strip(b" \t"):
        raise _UNREADABLE
    return end + len(line_end)


def _part(body: bytes, start: int, end: int) -> Part:
    position = start
    headers: list[bytes] = []
    while True:
        line_end = body.find(b"\n", position, min(end, start + _MAX_HEADER_BYTES))
        if line_end < 0:
            raise _UNREADABLE
        line = body[position:line_end].removesuffix(b"\r")
        position = line_end + 1
        if not line:
            break
        headers.append(line)
    disposition = next((match[1] for line in headers if (match := _DISPOSITION.match(line))), b"")
    _, parameters = read_parameters(disposition)
    file_name = parameters.get(b"filename")
    if file_name is not None:
        # As browsers and curl write the one sign that would end it.
        file_name = file_name.replace(b"%22", b'"')
    name = parameters.get(b"name", b"").decode(errors="replace")
    return Part(name, None if file_name is None else file_name.decode(errors="replace"), body[position:end])
