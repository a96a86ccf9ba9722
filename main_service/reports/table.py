"""A sheet of a report, whatever kind of file it goes into."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto

Value = str | int | date | datetime | None


class Kind(Enum):
    """What the cells of a column hold."""

    TEXT = auto()
    NUMBER = auto()
    DAY = auto()
    INSTANT = auto()
    """In UTC."""


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind
    width: int = 12
    """About so many characters."""


@dataclass(frozen=True)
class Sheet:
    name: str
    columns: tuple[Column, ...]
    row_count: int
    rows: Iterator[Sequence[Value]]
    """They can be read once."""


@dataclass(frozen=True)
class Book:
    """All of a report. `facts`: what it is about, as names with their texts. `days`: each day of
    the range: itself, as a text, visits, visits of crawlers, and what else is counted."""

    facts: tuple[tuple[str, str], ...]
    days: Sheet
    sheets: tuple[Sheet, ...]
    """The others."""
