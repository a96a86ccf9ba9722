"""Which of a user's entries are asked for, in which order, and from where on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from main_service.entries.models import Kind, Visibility
from main_service.profile.owned_entry import EntryState


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
    collection_id: UUID | None = None
    original_url: str | None = None
    """Exactly this."""
    q: str | None = None
    """In title or URL, whatever its case."""


@dataclass(frozen=True)
class Position:
    """A place in an order: behind the entry of `key`, which has `value` there."""

    value: datetime | str | None
    key: str
