"""An entry as its owner sees it; filters and sorts of a list of these."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from main_service.entries.models import ArchivalReason, Kind, Visibility


class EntryState(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    ENDED = "ended"
    """Ended otherwise: deleted, unused, or its view limit was reached."""


@dataclass(frozen=True)
class OwnedEntry:
    """An entry, live or ended, as its row says. An ended one may have lost all but key, kind, reason and times."""

    key: str
    kind: Kind
    title: str | None
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None
    visit_count: int
    """Visits of people."""
    imported_visit_count: int
    """Visits that were counted elsewhere before the entry was imported."""
    views_left: int | None
    original_url: str | None
    passes_query: bool
    size_bytes: int | None
    syntax: str | None
    detected_syntax: str | None
    ended_at: datetime | None
    archival_reason: ArchivalReason | None

    @property
    def state(self) -> EntryState:
        if self.archival_reason is None:
            return EntryState.LIVE
        return EntryState.EXPIRED if self.archival_reason is ArchivalReason.EXPIRED else EntryState.ENDED

    def at(self, now: datetime) -> "OwnedEntry":
        """The entry as of `now`. A row may say up to an hour too long that an expired entry is live."""
        if self.archival_reason is None and self.expires_at is not None and self.expires_at <= now:
            return replace(self, ended_at=self.expires_at, archival_reason=ArchivalReason.EXPIRED)
        return self


class Sort(StrEnum):
    """The sorts of a list; a minus reverses one. Titles are compared ignoring case."""

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
        """Whether entries may have no value to sort by. Those come last in both directions."""
        return self.by in ("expires", "title")


@dataclass(frozen=True)
class Filters:
    """Conditions of a list of entries. None: no condition."""

    kind: Kind | None = None
    state: EntryState | None = None
    """ENDED: all entries that are not live, expired ones too."""
    visibility: Visibility | None = None
    collection: str | None = None
    """Id or name of a collection of the owner."""
    collection_id: UUID | None = None
    """The id of the collection that `collection` names."""
    original_url: str | None = None
    """The target of a link, compared exactly."""
    expires_before: datetime | None = None
    q: str | None = None
    """Text that title or target contain, ignoring case."""
    or_key: str | None = None
    """A key that is found as well as what `q` finds."""
