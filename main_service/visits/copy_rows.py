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
"""PostgreSQL stores some while the next ones are made."""
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_LENGTH = Struct("!i")
_START = Struct("!hiq")
"""Of a row: how many columns it has; length and value of the first."""
_EPOCH_MS = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""From which PostgreSQL counts."""
_FAMILIES = {4: 2, 6: 3}
"""What PostgreSQL calls the versions of addresses."""


def row(at_ms: int, *fields: bytes) -> bytes:
    """`at_ms`: since 1970, UTC. `fields`: all the columns that follow, in their order."""
    return _START.pack(len(COLUMNS), 8, (at_ms - _EPOCH_MS) * 1000) + b"".join(fields)


def texts(*values: str | None) -> bytes:
    return b"".join(_field(None if value is None else value.encode()) for value in values)


def uuid(value: UUID | None) -> bytes:
    return _field(None if value is None else value.bytes)


def inet(value: str | None) -> bytes:
    """Of one address, not of a net."""
    if value is None:
        return _NULL
    address = ip_address(value)
    size = len(address.packed)
    return _field(bytes((_FAMILIES[address.version], size * 8, 0, size)) + address.packed)


def boolean(value: bool) -> bytes:
    return _field(bytes((value,)))


async def copy_data(rows: Iterator[bytes]) -> AsyncIterator[bytes]:
    yield _HEADER
    while some := b"".join(islice(rows, _ROWS_AT_ONCE)):
        yield some
    yield _TRAILER


def _field(value: bytes | None) -> bytes:
    return _NULL if value is None else _LENGTH.pack(len(value)) + value
