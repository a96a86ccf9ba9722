"""Cursors for pagination: a position in a list as a string, which a client sends to get the next page."""

import hmac
import json
import re
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from main_service.engines.signing import Signer, SigningLabel
from main_service.errors import FieldError, InvalidInputError
from main_service.settings import Settings

MAX_CURSOR_LENGTH = 4096
"""The longest cursor that is read. A title of 200 characters fits in, in any script."""

TIME_CURSOR_PATTERN = r"^[0-9]{1,16}\.[A-Za-z0-9_-]{3,64}$"

_SIGNATURE_BYTES = 16
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Position:
    """A place in a sorted list: behind the item `key`, whose sort value is `value`; None: it has none."""

    value: datetime | str | None
    key: str


class CursorInvalidError(InvalidInputError):
    def __init__(self, message: str) -> None:
        super().__init__(fields=[FieldError("cursor", "cursor_invalid", message)])


class Cursors:
    """Cursors of lists with several sorts: base64url of a signature and JSON of sort, value and key.

    The signature is not for secrecy: it saves checking the content of a cursor.
    """

    def __init__(self, settings: Settings) -> None:
        self._signer = Signer(settings.secret, SigningLabel.CURSOR)

    def write(self, position: Position, sort: str) -> str:
        """The cursor of a position. `sort`: the name of the order that it is in."""
        value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
        payload = json.dumps([sort, value, position.key], ensure_ascii=False, separators=(",", ":")).encode()
        return urlsafe_b64encode(self._signature(payload) + payload).decode().rstrip("=")

    def read(self, cursor: str, sort: str, *, is_by_time: bool) -> Position:
        """The position that `write` made a cursor of. `is_by_time`: whether the values of this sort are times.

        Raises:
            CursorInvalidError: the cursor is not one of ours, or belongs to another order.
        """
        try:
            signed = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            signed = b""
        signature, payload = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise CursorInvalidError("This cursor is invalid. Send next_cursor of the previous page unchanged.")
        written_for, value, key = json.loads(payload)
        if written_for != sort:
            raise CursorInvalidError("This cursor belongs to another sort. Start without a cursor.")
        if value is not None and is_by_time:
            value = datetime.fromisoformat(value)
        return Position(value=value, key=key)

    def _signature(self, payload: bytes) -> bytes:
        return self._signer.sign(payload)[:_SIGNATURE_BYTES]


def write_time_cursor(position: Position) -> str:
    """The cursor of a list that is only ever sorted by time: `<microseconds since 1970>.<key>`.

    It needs no signature, because any instant and key are a position in such a list.
    """
    assert isinstance(position.value, datetime)
    return f"{(position.value - _START) // _MICROSECOND}.{position.key}"


def read_time_cursor(cursor: str) -> Position:
    """The position that `write_time_cursor` wrote.

    Raises:
        CursorInvalidError: the cursor does not match `TIME_CURSOR_PATTERN`.
    """
    if not re.fullmatch(TIME_CURSOR_PATTERN, cursor):
        raise CursorInvalidError("This cursor is invalid. Send next_cursor of the previous page unchanged.")
    microseconds, _, key = cursor.partition(".")
    return Position(value=_START + int(microseconds) * _MICROSECOND, key=key)
