"""Reads forms whose fields hold texts, urlencoded ones too: exact to the byte, and without stopping other requests."""

import asyncio
import re
from binascii import a2b_qp

from fastapi import Request

from main_service.dependencies import resources_of
from main_service.doors.multipart import read_parts
from main_service.errors import InvalidInputError, TextTooLargeError

MAX_FIELDS = 20
MAX_NAME_BYTES = 1024
MAX_ENDS = 1_000
"""The most fields, including empty ones, as between two `&`: each takes time, but no memory."""
SLICE_BYTES = 256 * 1024
"""Decoded in one go, in two milliseconds, before other requests have their turn."""

_MALFORMED = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_UNREADABLE = "The form can't be read."


async def read_fields(request: Request) -> dict[str, bytes]:
    """The fields of a form by name. A body that is no multipart form is read as an urlencoded one, whatever its type.

    Raises:
        InvalidInputError: it can't be read, has more than `MAX_FIELDS`, or names one twice.
        TextTooLargeError: a field of an urlencoded form is larger than any text.
    """
    parts = await read_parts(request)
    if parts is None:
        return await _read_urlencoded(request, max_text_bytes=resources_of(request).settings.max_text_bytes)
    fields = {part.name: part.content for part in parts}
    if len(fields) < len(parts):
        raise InvalidInputError(_UNREADABLE)
    return fields


async def _read_urlencoded(request: Request, *, max_text_bytes: int) -> dict[str, bytes]:
    form = _UrlencodedForm(max_text_bytes)
    async for chunk in request.stream():
        for start in range(0, len(chunk), SLICE_BYTES):
            form.feed(chunk[start : start + SLICE_BYTES])
            await asyncio.sleep(0)
    return form.fields()


class _UrlencodedForm:
    """A form that is decoded as it arrives."""

    def __init__(self, max_text_bytes: int) -> None:
        self._max_text_bytes = max_text_bytes
        self._fields: dict[str, bytes] = {}
        self._name = bytearray()
        self._value: bytearray | None = None
        """None: what arrives belongs to the name."""
        self._begun_escape = b""
        self._ends = 0

    def feed(self, piece: bytes) -> None:
        self._ends += piece.count(b"&")
        if self._ends > MAX_ENDS:
            raise InvalidInputError(_UNREADABLE)
        for number, part in enumerate(piece.split(b"&")):
            if number:
                self._end_field()
            self._take(part)

    def fields(self) -> dict[str, bytes]:
        """The fields, once all has arrived."""
        self._end_field()
        return self._fields

    def _take(self, part: bytes) -> None:
        if self._value is None:
            name, equals, part = part.partition(b"=")
            self._name += name
            if len(self._name) > MAX_NAME_BYTES:
                raise InvalidInputError(_UNREADABLE)
            if not equals:
                return
            self._value = bytearray()
        written = self._begun_escape + part
        escape = written.rfind(b"%", max(0, len(written) - 2))
        end = len(written) if escape < 0 else escape
        self._begun_escape = written[end:]
        self._value += _decoded(written[:end])
        if len(self._value) > self._max_text_bytes:
            raise TextTooLargeError(self._max_text_bytes)

    def _end_field(self) -> None:
        if self._value is None and not self._name:
            return
        name = _decoded(bytes(self._name)).decode(errors="replace")
        if self._begun_escape or name in self._fields or len(self._fields) == MAX_FIELDS:
            raise InvalidInputError(_UNREADABLE)
        self._fields[name] = bytes(self._value or b"")
        self._name, self._value = bytearray(), None


def _decoded(written: bytes) -> bytes:
    """What stands in a form with `%20` or `+` for a space.

    It is decoded as quoted-printable, which differs in the sign only: urllib would make an object of each escape,
    400 MB of a text of 10 MiB.
    """
    if _MALFORMED.search(written):
        raise InvalidInputError(_UNREADABLE)
    return a2b_qp(written.replace(b"+", b" ").replace(b"=", b"=3D").replace(b"%", b"="))
