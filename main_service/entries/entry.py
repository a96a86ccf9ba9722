"""A live entry as its readers need it, wherever it was read from."""

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from main_service.entries.models import Entry, Kind, Visibility

_CONTENT = {"is_content": True}
"""Marks a field that tells what the entry holds: where views are limited, it is shown only to whoever spends one."""


@dataclass(frozen=True)
class LiveEntry:
    key: str
    kind: Kind
    owner_id: UUID | None
    """None: a guest's."""
    manage_generation: int
    """How often it was claimed, which its manage token is made from."""
    title: str | None = field(metadata=_CONTENT)
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    version: int
    """Raised by each change of its owner, and by nothing else: not by visits or views."""
    expires_at: datetime | None
    """None: never."""
    has_public_statistics: bool
    """Whether anyone who may see the entry may see its statistics."""
    visit_count: int | None
    """Of people, when the row was read; None: it is not known, for the cache does not hold it."""
    views_left: int | None
    """None: without a limit. Otherwise neither text nor target may be shown before a view is spent."""
    original_url: str | None = field(metadata=_CONTENT)
    """Of a link, as it was given."""
    body_id: UUID | None
    """Of a paste, with the two that follow."""
    size_bytes: int | None
    syntax: str | None

    @property
    def is_over(self) -> bool:
        """By the clock; a live row or cached entry can be over without being marked yet."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)

    @classmethod
    def from_row(cls, entry: Entry) -> "LiveEntry":
        return cls(*_values(entry))

    def without_content(self) -> "LiveEntry":
        """The entry as it is shown before one of its limited views is spent."""
        return replace(self, **_NO_CONTENT)


FIELDS = tuple(field.name for field in fields(LiveEntry))
"""Their names, which are those of the columns."""
_values = attrgetter(*FIELDS)
_NO_CONTENT: dict[str, Any] = dict.fromkeys(field.name for field in fields(LiveEntry) if field.metadata)
