"""A batch of visits, as the web processes write it into the stream."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from pydantic import Field, TypeAdapter

from main_service.visit_stream.writer import FORMAT

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


def read_batch(fields: Mapping[bytes, bytes]) -> tuple[UUID, list[RecordedVisit]]:
    """The batch's id, by which one that was added twice is known, and its visits.

    Raises:
        ValueError: this is not a batch, or one in another format.
    """
    if fields.get(b"f") != _FORMAT:
        raise ValueError("it has another format")
    return UUID(fields.get(b"id", b"").decode()), _VISITS.validate_json(fields.get(b"v", b""), strict=True)
