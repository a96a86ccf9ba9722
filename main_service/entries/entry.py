"""A live entry as services and pages use it, whether it was read from PostgreSQL or from the cache."""

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from main_service.entries.models import Entry, Kind, Visibility

_CONTENT = {"is_content": True}
"""Marks a field that tells what the entry holds: where views are limited, it is shown only after one is spent."""


@dataclass(frozen=True)
class LiveEntry:
    """A live entry. Its fields are columns of `Entry`, from which rows are read and by which the cache names them."""

    key: str
    kind: Kind
    owner_id: UUID | None
    """None: it is a guest's."""
    manage_generation: int
    """How often it was claimed. Its manage token is derived from the key and this number."""
    title: str | None = field(metadata=_CONTENT)
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    version: int
    """Raised by each change of its owner; visits and views leave it as it is."""
    expires_at: datetime | None
    """None: never."""
    has_public_statistics: bool
    """Whether anyone who may see the entry may see its statistics."""
    visit_count: int | None
    """Visits of people when the row was read; None: unknown, because the cache does not hold it."""
    imported_visit_count: int | None
    """Visits that were counted elsewhere before the entry was imported; None: unknown, as above."""
    views_left: int | None
    """None: unlimited. Otherwise neither text nor target may be shown before a view is spent."""
    original_url: str | None = field(metadata=_CONTENT)
    """The target of a link as it was given; None: it is a paste."""
    passes_query: bool
    """Whether a visit's query is passed on to the target of a link; False: also of a paste."""
    body_id: UUID | None
    """The id of a paste's text in the object store; None: it is a link."""
    size_bytes: int | None
    syntax: str | None
    """The alias of the language that its author has named."""
    detected_syntax: str | None = field(metadata=_CONTENT)
    """The alias of the language that was detected; empty: none was found; None: it was not looked at."""

    @property
    def shown_syntax(self) -> str | None:
        """The alias of the language that the text is shown in; None: plain."""
        return self.syntax or self.detected_syntax or None

    @property
    def needs_detection(self) -> bool:
        """Whether its language is unknown and was not looked for."""
        return self.kind is Kind.PASTE and self.syntax is None and self.detected_syntax is None

    @property
    def is_over(self) -> bool:
        """Whether its time is over: a row or cached entry that is not marked as ended yet may have expired."""
        return self.expires_at is not None and self.expires_at <= datetime.now(UTC)

    @classmethod
    def from_row(cls, entry: Entry) -> "LiveEntry":
        """The entry of a live row."""
        return cls(*_values(entry))

    def without_content(self) -> "LiveEntry":
        """The entry as it is shown before one of its limited views is spent."""
        return replace(self, **_NO_CONTENT)


FIELDS = tuple(field.name for field in fields(LiveEntry))
"""The names of the fields, which are those of the columns."""
_values = attrgetter(*FIELDS)
_NO_CONTENT: dict[str, Any] = dict.fromkeys(field.name for field in fields(LiveEntry) if field.metadata)
