"""Cursors: a position in a list as a string that clients hand back and can neither read meaning into nor make up."""

import hmac
import json
from base64 import b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from main_service.errors import FieldError, InvalidInputError
from main_service.settings import Settings

MAX_CURSOR_LENGTH = 4096
"""A title of 200 characters fits in, however many bytes they are."""

_SIGNATURE_BYTES = 16


@dataclass(frozen=True)
class Position:
    """A place in an order: behind the item of `key`, which has `value` there; None: it has none."""

    value: datetime | str | None
    key: str


class CursorInvalidError(InvalidInputError):
    def __init__(self, message: str) -> None:
        super().__init__(fields=[FieldError("cursor", "cursor_invalid", message)])


class Cursors:
    """`<base64url(signature, JSON)>`. Signed, so that nothing in it has to be doubted: not for secrecy."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.secret.get_secret_value().encode()

    def write(self, position: Position, sort: str) -> str:
        """`sort`: the name of the order, without which the position means nothing."""
        value = position.value.isoformat() if isinstance(position.value, datetime) else position.value
        payload = json.dumps([sort, value, position.key], ensure_ascii=False, separators=(",", ":")).encode()
        return urlsafe_b64encode(self._signature(payload) + payload).decode().rstrip("=")

    def read(self, cursor: str, sort: str, *, is_by_time: bool) -> Position:
        """`is_by_time`: whether values of this order are instants.

        Raises:
            CursorInvalidError: it is not one of ours, or belongs to another order.
        """
        try:
            signed = b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except ValueError:
            signed = b""
        signature, payload = signed[:_SIGNATURE_BYTES], signed[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(payload)):
            raise CursorInvalidError("This is no cursor of ours; take next_cursor of the page before, unchanged.")
        written_for, value, key = json.loads(payload)
        if written_for != sort:
            raise CursorInvalidError("This cursor belongs to another sort; begin without a cursor.")
        if value is not None and is_by_time:
            value = datetime.fromisoformat(value)
        return Position(value=value, key=key)

    def _signature(self, payload: bytes) -> bytes:
        return hmac.new(self._secret, b"cursor:" + payload, sha256).digest()[:_SIGNATURE_BYTES]
