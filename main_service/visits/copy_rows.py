"""Rows of `visit` as PostgreSQL's binary COPY takes them.

Each field is its length and its bytes, so nothing that a visitor sends can be more than a value; and what many visits
have in common is written once and only put together for each of them.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import islice
from struct import Struct
from uuid import UUID

from main_service.visits.models import visit

COLUMNS = [column.name for column in visit.columns]

_ROWS_AT_ONCE = 500
"""Rows sent together: PostgreSQL stores them while the next ones are made."""
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = Struct("!i")
_START = Struct("!hiq")
"""The start of a row: how many columns it has, then length and value of the first."""
_EPOCH_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""The epoch of PostgreSQL, in milliseconds since 1970."""
_FAMILIES = {4: 2, 6: 3}
"""PostgreSQL's numbers of address families, by IP version."""


def row(at_ms: int, *fields: bytes) -> bytes:
    """A row. `at_ms`: since 1970, UTC. `fields`: all columns that follow, in their order."""
    return _START.pack(len(COLUMNS), 8, (at_ms - _EPOCH_MS) * 1000) + b"".join(fields)


def texts(*values: str | None) -> bytes:
    """Fields of type `text`, one for each value."""
    return b"".join(_field(None if value is None else value.encode()) for value in values)


def uuid(value: UUID | None) -> bytes:
    """A field of type `uuid`."""
    return _field(None if value is None else value.bytes)


def inet(value: str | None) -> bytes:
    """A field of type `inet` with a single address."""
    if value is None:
        return _NULL
    address = ip_address(value)
    size = len(address.packed)
    return _field(bytes((_FAMILIES[address.version], size * 8, 0, size)) + address.packed)


def boolean(value: bool) -> bytes:
    """A field of type `boolean`."""
    return _field(bytes((value,)))


async def copy_data(rows: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The data of a COPY of these rows, in chunks of `_ROWS_AT_ONCE`."""
    yield _HEADER
    while some := b"".join(islice(rows, _ROWS_AT_ONCE)):
        yield some
    yield _TRAILER


def _field(value: bytes | None) -> bytes:
    return _NULL if value is None else _LENGTH.pack(len(value)) + value
