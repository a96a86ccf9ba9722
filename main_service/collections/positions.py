"""Places in the list of a collection's entries, newest first: where the next page goes on, whatever is added above."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from main_service.entries.aliases import ALIAS_PATTERN
from main_service.errors import FieldError, InvalidInputError

CURSOR_PATTERN = rf"[0-9]{{1,16}}\.{ALIAS_PATTERN}"

_CURSOR = re.compile(f"({CURSOR_PATTERN})")
_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Position:
    """Of an entry that was added to a collection."""

    added_at: datetime
    key: str

    @property
    def cursor(self) -> str:
        return f"{(self.added_at - _START) // _MICROSECOND}.{self.key}"


def read_cursor(cursor: str) -> Position:
    """Raises:
    InvalidInputError: it has not the form of a cursor.
    """
    if not _CURSOR.fullmatch(cursor):
        raise InvalidInputError(fields=[FieldError("cursor", "cursor_invalid", "This is no cursor of a list.")])
    microseconds, _, key = cursor.partition(".")
    return Position(added_at=_START + int(microseconds) * _MICROSECOND, key=key)
