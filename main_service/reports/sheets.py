"""The contents of a report: sheets, columns and rows, for every file format."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum, auto
from itertools import islice

from main_service.reports.queries import ReportQueries, Rows
from main_service.statistics.time_ranges import DateRange
from main_service.visits.countries import Source
from main_service.visits.models import Dimension

CellValue = str | int | date | datetime | None


SUMMARY = "Summary"
"""The name of the sheet that says what a report is about, and of the CSV file."""


class CellType(Enum):
    """What the cells of a column hold."""

    TEXT = auto()
    NUMBER = auto()
    DAY = auto()
    INSTANT = auto()
    """A point in time, in UTC."""


@dataclass(frozen=True)
class SheetColumn:
    name: str
    cell_type: CellType
    width: int = 12
    """The column's width, in characters."""


@dataclass(frozen=True)
class Sheet:
    name: str
    columns: tuple[SheetColumn, ...]
    row_count: int
    rows: Iterator[Sequence[CellValue]]
    """An iterator, so they can be read only once."""


@dataclass(frozen=True)
class Workbook:
    """All of a report, in whichever file format it is written."""

    facts: tuple[tuple[str, str], ...]
    """What the report is about: names with their texts."""
    days: Sheet
    """A row for each day of the range: the day, its weekday as a text, visits, visits of crawlers, daily visitors."""
    sheets: tuple[Sheet, ...]
    """All sheets but that of the days."""


MAX_ROWS = 5_000_000
"""The most rows of a sheet and those that continue it. Further rows are cut, and the facts say so."""

_DAY = SheetColumn("Day", CellType.DAY)
_COUNTS = (
    SheetColumn("Visits", CellType.NUMBER),
    SheetColumn("Crawlers", CellType.NUMBER),
    SheetColumn("Daily visitors", CellType.NUMBER, 14),
)
_ENTRIES = (
    SheetColumn("Key", CellType.TEXT, 14),
    SheetColumn("Kind", CellType.TEXT, 8),
    SheetColumn("Address", CellType.TEXT, 32),
    SheetColumn("Title", CellType.TEXT, 32),
    SheetColumn("Target", CellType.TEXT, 48),
    SheetColumn("Visibility", CellType.TEXT, 10),
    SheetColumn("State", CellType.TEXT, 10),
    SheetColumn("Created (UTC)", CellType.INSTANT, 20),
    SheetColumn("Ends (UTC)", CellType.INSTANT, 20),
    SheetColumn("Ended (UTC)", CellType.INSTANT, 20),
    *_COUNTS,
    SheetColumn("Visits ever", CellType.NUMBER),
)
_ENTRY_DAYS = (_DAY, SheetColumn("Key", CellType.TEXT, 14), *_COUNTS)
_BREAKDOWNS = {
    Dimension.COUNTRY: ("Countries", "Country"),
    Dimension.DEVICE: ("Devices", "Device"),
    Dimension.BROWSER: ("Browsers", "Browser"),
    Dimension.OS: ("Systems", "System"),
    Dimension.LANGUAGE: ("Languages", "Language"),
    Dimension.REFERRER: ("Referrers", "Referrer"),
}


async def plan_workbook(
    queries: ReportQueries, days: DateRange, *, collection: str | None, public_url: str, country_source: Source | None
) -> Workbook:
    """The workbook, whose rows are read while it is written.

    They must be read in a thread, while the event loop of this call runs in another.

    `collection`: the name of the report's collection; None: it is about all entries.
    `country_source`: the data that countries come from, which the facts name; None: there is none.
    """
    loop = asyncio.get_running_loop()
    by_day = {day: tuple(counts) for partition in [p async for p in queries.days()] for day, *counts in partition}
    entry_count, entry_day_count = await queries.count_entries(), await queries.count_entry_days()
    value_counts = await queries.count_values()

    def sheet(name: str, columns: tuple[SheetColumn, ...], row_count: int, rows: Rows) -> Sheet:
        count = min(row_count, MAX_ROWS)
        return Sheet(name, columns, count, islice(_in_thread(rows, loop), count))

    entries = sheet("Entries", _ENTRIES, entry_count, queries.entries())
    sheets = [
        Sheet(entries.name, entries.columns, entries.row_count, _with_addresses(entries.rows, public_url)),
        sheet("Visits per day", _ENTRY_DAYS, entry_day_count, queries.entry_days()),
    ]
    for dimension, (name, column) in _BREAKDOWNS.items():
        columns = (SheetColumn(column, CellType.TEXT, 32), SheetColumn("Visits", CellType.NUMBER))
        sheets.append(sheet(name, columns, value_counts.get(dimension, 0), queries.values(dimension)))

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
        ("Cut", f"{name} has more than {MAX_ROWS:,} rows; ask for fewer days")
        for name, count in (("Entries", entry_count), ("Visits per day", entry_day_count))
        if count > MAX_ROWS
    ]
    return Workbook(facts=tuple(facts), days=_days(days, by_day), sheets=tuple(sheets))


def _days(days: DateRange, by_day: dict[date, tuple[int, ...]]) -> Sheet:
    """The sheet with a row for each day of the range, also for days without visits."""
    count = (days.last - days.first).days + 1
    every = (days.first + timedelta(days=number) for number in range(count))
    rows: Iterator[Sequence[CellValue]] = (
        (day, f"{day:%a} {day.day} {day:%b}", *by_day.get(day, (0, 0, 0))) for day in every
    )
    return Sheet("Days", (_DAY, SheetColumn("Weekday", CellType.TEXT), *_COUNTS), count, rows)


def _with_addresses(rows: Iterator[Sequence[CellValue]], public_url: str) -> Iterator[Sequence[CellValue]]:
    for key, kind, *others in rows:
        yield (key, kind, f"{public_url}/{key}", *others)


def _in_thread(rows: Rows, loop: asyncio.AbstractEventLoop) -> Iterator[Sequence[CellValue]]:
    """Rows that the event loop reads, for a thread that waits for each partition."""
    while (partition := asyncio.run_coroutine_threadsafe(_next(rows), loop).result()) is not None:
        yield from partition


async def _next(rows: Rows) -> Sequence[Sequence[CellValue]] | None:
    return await anext(rows, None)
