"""Reads forms that browsers send, within limits, and long ones in pieces, between which others have their turn."""

import asyncio
import codecs
from urllib.parse import parse_qsl

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from main_service.errors import BodyTooLargeError, InvalidInputError

TOKEN = "csrf_token"  # noqa: S105 (the name of a field)
"""A field that the previous release requires: see `form_tokens`. It is not part of any form."""

MAX_FIELDS = 20
MAX_LISTED_FIELDS = 200
MAX_URLENCODED_BYTES = 64 * 1024
"""Enough for a form of short fields; decoding percent signs takes many times their size. Texts come as multipart."""

_MAX_SEMICOLONS = 100
"""The most parameters of a header. Reading them takes quadratic time: a tenth of a second for 32 KB."""

SLICE_BYTES = 128 * 1024
"""Read in one go, in a few milliseconds even if all of it is line ends."""

_IN_MEMORY = {"MAX_MEMORY_FILE_SIZE": float("inf")}
"""A file is refused only once it has arrived; until then it must not be spooled to disk."""


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form by name, line ends as LF. Files are not taken, and nothing but UTF-8.

    Raises:
        InvalidInputError: it can't be read, or names a field twice.
        BodyTooLargeError: it is too large for its encoding.
    """
    fields = await read_fields(request, most=MAX_FIELDS)
    if len(values := dict(fields)) < len(fields):
        raise InvalidInputError("The form can't be read.")
    values.pop(TOKEN, None)
    return values


async def read_list_form(request: Request) -> dict[str, str]:
    """The fields of a form with many boxes of one name: the values of each name in their order, a line each.

    Raises:
        InvalidInputError: the form can't be read.
        BodyTooLargeError: the body is too large for its encoding.
    """
    values: dict[str, str] = {}
    for name, value in await read_fields(request, most=MAX_LISTED_FIELDS):
        values[name] = f"{values[name]}\n{value}" if name in values else value
    values.pop(TOKEN, None)
    return values


def read_parameters(header: str | bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """The value of a header, in lower case, and its parameters; empty if there are far too many."""
    written = header.encode("latin-1") if isinstance(header, str) else header
    return (b"", {}) if written.count(b";") > _MAX_SEMICOLONS else parse_options_header(written)


async def read_fields(request: Request, *, most: int) -> list[tuple[str, str]]:
    media_type, parameters = read_parameters(request.headers.get("content-type", ""))
    body = await request.body()
    try:
        if media_type == b"multipart/form-data":
            sent = await _read_multipart(body, parameters.get(b"boundary", b""), most=most)
            fields = [(name.decode(), await _decoded(value)) for name, value in sent]
        elif media_type != b"application/x-www-form-urlencoded":
            raise InvalidInputError("The body isn't a form.")
        elif len(body) > MAX_URLENCODED_BYTES:
            raise BodyTooLargeError
        else:
            # As str, because before Python 3.13 parse_qsl fails on bytes that are not ASCII.
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=most, errors="strict")
            fields = [(name, value.replace("\r\n", "\n")) for name, value in pairs]
    except UnicodeDecodeError:
        # `from None`, because the error holds what it could not decode; the same below.
        raise InvalidInputError("The form is not in UTF-8.") from None
    except (ValueError, FormParserError):
        raise InvalidInputError("The form can't be read.") from None
    return fields


async def _decoded(value: bytes) -> str:
    """The value of a field, line ends as LF."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    pieces: list[str] = []
    held = ""
    for start in range(0, len(value), SLICE_BYTES):
        is_last = start + SLICE_BYTES >= len(value)
        piece = held + decoder.decode(value[start : start + SLICE_BYTES], is_last)
        # The other half of a line end may come next.
        held = "\r" if piece.endswith("\r") and not is_last else ""
        pieces.append(piece.removesuffix(held).replace("\r\n", "\n"))
        if not is_last:
            await asyncio.sleep(0)
    return "".join(pieces)


async def _read_multipart(body: bytes, boundary: bytes, *, most: int) -> list[tuple[bytes, bytes]]:
    fields: list[tuple[bytes, bytes]] = []

    def take_field(field: Field) -> None:
        fields.append((field.field_name or b"", field.value or b""))
        if len(fields) > most:
            raise FormParserError("too many fields")

    def refuse_file(_: File) -> None:
        raise FormParserError("files are not taken")

    parser = FormParser("multipart/form-data", take_field, refuse_file, boundary=boundary, config=_IN_MEMORY)
    try:
        for start in range(0, len(body), SLICE_BYTES):
            parser.write(body[start : start + SLICE_BYTES])
            if start + SLICE_BYTES < len(body):
                await asyncio.sleep(0)
        parser.finalize()
    finally:
        # They form reference cycles that hold the fields.
        parser.parser = None
    return fields
