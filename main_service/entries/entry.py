"""A live entry as its readers need it, wherever it was read from."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from main_service.entries.models import Entry, Kind, Visibility


@dataclass(frozen=True)
class LiveEntry:
    key: str
    kind: Kind
    owner_id: UUID | None
    """None: a guest's."""
    manage_generation: int
    """How often it was claimed, which its manage token is made from."""
    title: str | None
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
    original_url: str | None
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
        return cls(
            key=entry.key,
            kind=entry.kind,
            owner_id=entry.owner_id,
            manage_generation=entry.manage_generation,
            title=entry.title,
            visibility=entry.visibility,
            created_at=entry.created_at,
            updated_at=entry.updated_at,
            version=entry.version,
            expires_at=entry.expires_at,
            has_public_statistics=entry.has_public_statistics,
            visit_count=entry.visit_count,
            views_left=entry.views_left,
            original_url=entry.original_url,
            body_id=entry.body_id,
            size_bytes=entry.size_bytes,
            syntax=entry.syntax,
        )
