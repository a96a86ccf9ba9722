"""What is on the sheets of a report, in whichever file format they end."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from itertools import islice

from main_service.reports.queries import Figures, Rows
from main_service.statistics.time_ranges import DateRange
from main_service.visits.countries import Source
from main_service.visits.models import Dimension

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


MOST_ROWS = 5_000_000
"""Of a sheet and its further ones; whoever has more asks for fewer days."""

_DAY = Column("Day", Kind.DAY)
_COUNTS = (
    Column("Visits", Kind.NUMBER),
    Column("Crawlers", Kind.NUMBER),
    Column("Daily visitors", Kind.NUMBER, 14),
)
_ENTRIES = (
    Column("Key", Kind.TEXT, 14),
    Column("Kind", Kind.TEXT, 8),
    Column("Address", Kind.TEXT, 32),
    Column("Title", Kind.TEXT, 32),
    Column("Target", Kind.TEXT, 48),
    Column("Visibility", Kind.TEXT, 10),
    Column("State", Kind.TEXT, 10),
    Column("Created (UTC)", Kind.INSTANT, 20),
    Column("Ends (UTC)", Kind.INSTANT, 20),
    Column("Ended (UTC)", Kind.INSTANT, 20),
    *_COUNTS,
    Column("Visits ever", Kind.NUMBER),
)
_ENTRY_DAYS = (_DAY, Column("Key", Kind.TEXT, 14), *_COUNTS)
_BREAKDOWNS = {
    Dimension.COUNTRY: ("Countries", "Country"),
    Dimension.DEVICE: ("Devices", "Device"),
    Dimension.BROWSER: ("Browsers", "Browser"),
    Dimension.OS: ("Systems", "System"),
    Dimension.LANGUAGE: ("Languages", "Language"),
    Dimension.REFERRER: ("Referrers", "Referrer"),
}


async def plan_book(
    figures: Figures, days: DateRange, *, collection: str | None, public_url: str, country_source: Source | None
) -> Book:
    """The book, whose rows are read while it is written: by a thread, while the event loop of this call runs.

    `collection`: its name; None: of all entries. `country_source`: to be named beside countries.
    """
    loop = asyncio.get_running_loop()
    by_day = {day: tuple(counts) for partition in [p async for p in figures.days()] for day, *counts in partition}
    entry_count, entry_day_count = await figures.count_entries(), await figures.count_entry_days()
    value_counts = await figures.count_values()

    def sheet(name: str, columns: tuple[Column, ...], row_count: int, rows: Rows) -> Sheet:
        count = min(row_count, MOST_ROWS)
        return Sheet(name, columns, count, islice(_in_thread(rows, loop), count))

    entries = sheet("Entries", _ENTRIES, entry_count, figures.entries())
    sheets = [
        Sheet(entries.name, entries.columns, entries.row_count, _with_addresses(entries.rows, public_url)),
        sheet("Visits per day", _ENTRY_DAYS, entry_day_count, figures.entry_days()),
    ]
    for dimension, (name, column) in _BREAKDOWNS.items():
        columns = (Column(column, Kind.TEXT, 32), Column("Visits", Kind.NUMBER))
        sheets.append(sheet(name, columns, value_counts.get(dimension, 0), figures.values(dimension)))

    people, bots, visitors = (sum(counts) for counts in zip((0, 0, 0), *by_day.values(), strict=True))
    facts = [
        ("Entries", "all of mine" if collection is None else f"mine in the collection “{collection}”"),
        ("Days", f"{days.first} to {days.last}, of UTC"),
        ("Made", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
        ("Visits", f"{people:,} of people, {bots:,} of crawlers"),
        ("Daily visitors", f"about {visitors:,}; who came on two days counts twice"),
    ]
    if country_source is not None:
        source, exported_on = country_source, f"{country_source.exported_on:%Y-%m-%d}"
        facts.append(("Countries", f"from {source.name} ({source.address}) of {exported_on}, {source.licence}"))
    facts += [
        ("Cut", f"{name} has more than {MOST_ROWS:,} rows; ask for fewer days")
        for name, count in (("Entries", entry_count), ("Visits per day", entry_day_count))
        if count > MOST_ROWS
    ]
    return Book(facts=tuple(facts), days=_days(days, by_day), sheets=tuple(sheets))


def _days(days: DateRange, by_day: dict[date, tuple[int, ...]]) -> Sheet:
    """Each day of the range, those without visits too."""
    count = (days.last - days.first).days + 1
    every = (days.first + timedelta(days=number) for number in range(count))
    rows: Iterator[Sequence[Value]] = (
        (day, f"{day:%a} {day.day} {day:%b}", *by_day.get(day, (0, 0, 0))) for day in every
    )
    return Sheet("Days", (_DAY, Column("Weekday", Kind.TEXT), *_COUNTS), count, rows)


def _with_addresses(rows: Iterator[Sequence[Value]], public_url: str) -> Iterator[Sequence[Value]]:
    for key, kind, *others in rows:
        yield (key, kind, f"{public_url}/{key}", *others)


def _in_thread(rows: Rows, loop: asyncio.AbstractEventLoop) -> Iterator[Sequence[Value]]:
    """Rows that the event loop reads, for a thread that waits for them."""
    while (partition := asyncio.run_coroutine_threadsafe(_next(rows), loop).result()) is not None:
        yield from partition


async def _next(rows: Rows) -> Sequence[Sequence[Value]] | None:
    return await anext(rows, None)
