"""The format of a record of the stream, which is a batch of visits: how it is written and read.

Its fields: `id`, a UUID; `f`, the number of the format; `v`, JSON: a list of visits, each a list in the order of
`RecordedVisit`. The script of the fast path writes the same fields.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from json.encoder import encode_basestring
from typing import Annotated
from uuid import UUID

from pydantic import Field, TypeAdapter
from redis.typing import EncodableT, FieldT

STREAM = "visits:{0}"
FORMAT = 1
"""The number of the format, in every record, so that releases can be told apart."""
ID_LIFETIME = timedelta(days=7)
"""How long the id of a batch is known. Longer than a web process without Redis goes on trying to add it again."""
_FORMAT = str(FORMAT).encode()
_LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""

RecordedVisit = tuple[
    Annotated[int, Field(ge=0, le=_LATEST_MS, description="at_ms")],
    Annotated[str, Field(description="key")],
    Annotated[str | None, Field(description="ip")],
    Annotated[str | None, Field(description="visitor")],
    Annotated[str, Field(description="user_agent")],
    Annotated[str, Field(description="referrer")],
    Annotated[str, Field(description="language")],
]
"""`at_ms`: since 1970, UTC. `ip`: as far as it may be kept. `visitor`: the same for one visitor on one UTC day, None
when it may not be kept. What is not known or may not be kept of the others is empty."""

_VISITS = TypeAdapter(list[RecordedVisit])


EncodedVisit = bytes
"""A visit as JSON. `RecordedVisit` says what it holds, and in what order."""

as_json = encode_basestring
"""Encodes one text. A visit is encoded for each redirect, and a JSON encoder for the whole would cost twice as much."""


def encode_visit(
    at_ms: int, key: str, *, ip: str, visitor: str, user_agent: str, referrer: str, language: str
) -> EncodedVisit:
    """A visit. `ip` and all that follow are JSON already, because they are often the same and are remembered so."""
    return f"[{at_ms},{as_json(key)},{ip},{visitor},{user_agent},{referrer},{language}]".encode("utf-8", "replace")


def write_batch(batch_id: str, visits: Sequence[EncodedVisit]) -> dict[FieldT, EncodableT]:
    """The fields of the record of a batch."""
    return {"id": batch_id, "f": FORMAT, "v": b"[%b]" % b",".join(visits)}


def read_batch(fields: Mapping[bytes, bytes]) -> tuple[UUID, list[RecordedVisit]]:
    """The id of a batch, by which one that was added twice is known, and its visits.

    Raises:
        ValueError: the record is not a batch, or in another format.
    """
    if fields.get(b"f") != _FORMAT:
        raise ValueError("it has another format")
    return UUID(fields.get(b"id", b"").decode()), _VISITS.validate_json(fields.get(b"v", b""), strict=True)
