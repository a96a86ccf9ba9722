"""An entry as its owner sees it, and what a list of these is asked for: filters, order, and where it goes on."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from main_service.entries.models import ArchivalReason, Kind, Visibility


class EntryState(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    ENDED = "ended"
    """In any other way: deleted, viewed as often as it could be, or unused."""


@dataclass(frozen=True)
class OwnedEntry:
    """What a row says. Of an ended entry, all but key, kind, reason and times may have been taken away."""

    key: str
    kind: Kind
    title: str | None
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    visit_count: int
    """Of people."""
    views_left: int | None
    original_url: str | None
    size_bytes: int | None
    syntax: str | None
    ended_at: datetime | None
    archival_reason: ArchivalReason | None

    @property
    def state(self) -> EntryState:
        if self.archival_reason is None:
            return EntryState.LIVE
        return EntryState.EXPIRED if self.archival_reason is ArchivalReason.EXPIRED else EntryState.ENDED

    def at(self, now: datetime) -> "OwnedEntry":
        """As it is by the clock: what has expired is marked up to an hour later."""
        if self.archival_reason is None and self.expires_at is not None and self.expires_at <= now:
            return replace(self, ended_at=self.expires_at, archival_reason=ArchivalReason.EXPIRED)
        return self


class Sort(StrEnum):
    """A minus turns the order round. Titles are compared whatever their case."""

    CREATED = "created"
    CREATED_LAST = "-created"
    UPDATED = "updated"
    UPDATED_LAST = "-updated"
    EXPIRES = "expires"
    EXPIRES_LAST = "-expires"
    TITLE = "title"
    TITLE_LAST = "-title"

    @property
    def by(self) -> str:
        return self.value.removeprefix("-")

    @property
    def is_descending(self) -> bool:
        return self.value.startswith("-")

    @property
    def may_lack_value(self) -> bool:
        """Entries without title, or that never end, come last in both directions."""
        return self.by in ("expires", "title")


@dataclass(frozen=True)
class Filters:
    """None: whatever it is."""

    kind: Kind | None = None
    state: EntryState | None = None
    """ENDED: whatever is not live."""
    visibility: Visibility | None = None
    collection: str | None = None
    """Id or name of one of the owner's."""
    collection_id: UUID | None = None
    """Found by `collection`."""
    original_url: str | None = None
    """Exactly this."""
    q: str | None = None
    """In title or URL, whatever its case."""
