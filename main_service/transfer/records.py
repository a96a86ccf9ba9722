"""What a source yields: a record for each entry in a file, or what is wrong with it.

A source is a module of `sources` with a function `read`, a `Source`. It runs in a thread of the worker, and starts
again after the worker was killed: the same file must yield the same items in the same order.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from main_service.entries.models import Kind, Visibility
from main_service.settings import Settings
from main_service.visits.imported_figures import FiguresToImport

_MIN_RECORDS = 100_000
_MANY_BYTES = 64 * 1024 * 1024
"""A file of so many bytes may have `_MIN_RECORDS` items; a larger one more."""


@dataclass(frozen=True, slots=True)
class NamedCollection:
    """A collection that an entry was in."""

    name: str
    shared_key: str | None = None
    """What followed `/c/` in its link; None: it isn't shared, or the format doesn't say."""
    added_at: datetime | None = None
    """When the entry was put into it, which is its place there; None: the format doesn't say."""
    created_at: datetime | None = None
    """None: the format doesn't say."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """An entry of another service, as far as the file describes it. Its values are not checked yet."""

    place: str
    """Where it stands in the file, for people: `line 12`, or the name of a file in an archive."""
    source_id: str
    """Its id at the service that it comes from: the same in each export, and unique there."""
    original_url: str | None = None
    """The target of a link; None: it is a paste."""
    text: bytes | None = None
    """The text of a paste, at most `SourceLimits.max_text_bytes`; None: it is a link."""
    key: str | None = None
    """The key it had, which is kept where it is free; None: it gets one of ours."""
    title: str | None = None
    syntax: str | None = None
    visibility: Visibility = Visibility.UNLISTED
    created_at: datetime | None = None
    """None: the format doesn't say, and it is made now."""
    expires_at: datetime | None = None
    """None: never."""
    visits: int = 0
    """Visits of people that were counted there."""
    bot_visits: int = 0
    """Visits of crawlers that were counted there."""
    figures: tuple[FiguresToImport, ...] = ()
    """What is known of these visits, by month, as far as the format tells."""
    targets: tuple[tuple[datetime, str], ...] = ()
    """What a link led to, and from when on; empty: the format doesn't say."""
    collections: tuple[NamedCollection, ...] = ()
    values: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Further columns of the entry by name, which only our own export knows."""
    note: str | None = None
    """What couldn't be read, as a sentence for people; None: everything could."""

    @property
    def kind(self) -> Kind:
        return Kind.PASTE if self.text is not None else Kind.LINK

    @property
    def size_bytes(self) -> int:
        """Roughly how much memory it takes."""
        history = sum(len(url) for _, url in self.targets) + sum(len(each.days) for each in self.figures)
        return len(self.text or b"") + history


@dataclass(frozen=True, kw_only=True)
class EmptyCollection:
    """A collection that none of the file's entries are in. One that some are in comes with these."""

    place: str
    collection: NamedCollection


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """Something in the file that makes no entry. `reason`: a sentence for people."""

    place: str
    reason: str
    is_fault: bool = True
    """Whether something is wrong with it; False: there is nothing to import, because it has expired, for example."""


Item = Record | EmptyCollection | Skipped


def printable(text: str) -> str:
    """A text without characters that can't be printed or stored, cut to the length of a line in a list."""
    return "".join(character for character in text if character.isprintable())[:200]


@dataclass(frozen=True)
class SourceLimits:
    """What a source may read, so that no file fills memory or disk."""

    max_bytes: int
    """The largest file."""
    max_text_bytes: int
    """The largest text; a larger one is `Skipped`."""
    max_records: int
    """How many items a source is asked for at most; the runner stops there."""
    max_unpacked_bytes: int
    """How much an archive may hold, unpacked. Beyond, `SourceUnreadableError`."""
    max_figures_bytes: int = 8 * _MANY_BYTES
    """How much of figures is kept of a file; beyond, the rest is left out."""

    @classmethod
    def of(cls, settings: Settings) -> "SourceLimits":
        max_import_bytes = settings.max_import_bytes
        return cls(
            max_bytes=max_import_bytes,
            max_text_bytes=settings.max_text_bytes,
            max_records=max(_MIN_RECORDS, _MIN_RECORDS * max_import_bytes // _MANY_BYTES),
            max_unpacked_bytes=32 * max(_MANY_BYTES, max_import_bytes),
            max_figures_bytes=8 * max(_MANY_BYTES, max_import_bytes),
        )


Source = Callable[[Path, SourceLimits], Iterator[Item]]
"""Reads a file. Raises `transfer.errors.SourceUnreadableError` where it isn't one of its format."""
