"""SQL of figures that another installation counted: kept as an export told them, shown apart, and exported again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import delete, select, text

from main_service.engines.postgres import Session
from main_service.visits.models import ImportedFigures

_ADD = text(
    """
    INSERT INTO imported_figures (key, month, first_day, last_day, people, bots, visitors, days, size_bytes)
    SELECT key, month, first_day, last_day, people, bots, visitors, CAST(days AS jsonb), octet_length(days)
      FROM unnest(CAST(:keys AS text[]), CAST(:months AS date[]), CAST(:first_days AS date[]),
                  CAST(:last_days AS date[]), CAST(:people AS bigint[]), CAST(:bots AS bigint[]),
                  CAST(:visitors AS bigint[]), CAST(:days AS text[]))
           AS added (key, month, first_day, last_day, people, bots, visitors, days)
    """
)
_ADDED_AT_ONCE_BYTES = 4 * 1024 * 1024
_LIST_LINES = text(
    """
    SELECT CAST(jsonb_build_object('key', key) || line AS text)
      FROM unnest(CAST(:keys AS text[]), CAST(:months AS date[])) WITH ORDINALITY AS wanted (key, month, place)
      JOIN imported_figures USING (key, month),
           LATERAL jsonb_array_elements(days) WITH ORDINALITY AS lines (line, number)
     ORDER BY place, number
    """
)
_LIST_MONTHS = text(
    """
    SELECT key, month, size_bytes FROM imported_figures
     WHERE key = ANY(CAST(:keys AS text[])) ORDER BY array_position(CAST(:keys AS text[]), key), month
    """
)


@dataclass(frozen=True, kw_only=True)
class ImportedMonth:
    """A month of UTC in which an entry had visits elsewhere."""

    month: date
    """Its first day."""
    first_day: date
    last_day: date
    people: int
    bots: int
    visitors: int
    """Different people of each day, summed up over the days."""


@dataclass(frozen=True, kw_only=True)
class FiguresToImport(ImportedMonth):
    """The same with all that an export tells of it."""

    days: str
    """A JSON array, which PostgreSQL must be able to hold: of objects without a key, one a day."""


async def add(session: Session, figures: Sequence[tuple[str, FiguresToImport]]) -> None:
    """Keep months of new entries, by their keys. Each key and month may occur once."""
    batch: list[tuple[str, FiguresToImport]] = []
    size_bytes = 0
    for each in figures:
        batch.append(each)
        size_bytes += len(each[1].days)
        if size_bytes >= _ADDED_AT_ONCE_BYTES:
            await _add(session, batch)
            batch, size_bytes = [], 0
    if batch:
        await _add(session, batch)


async def _add(session: Session, batch: Sequence[tuple[str, FiguresToImport]]) -> None:
    months = [figures for _, figures in batch]
    columns = {
        "keys": [key for key, _ in batch],
        "months": [each.month for each in months],
        "first_days": [each.first_day for each in months],
        "last_days": [each.last_day for each in months],
        "people": [each.people for each in months],
        "bots": [each.bots for each in months],
        "visitors": [each.visitors for each in months],
        "days": [each.days for each in months],
    }
    await session.execute(_ADD, columns)


async def list_months(session: Session, key: str) -> list[ImportedMonth]:
    """The months in which an entry had visits elsewhere, the earliest first."""
    table = ImportedFigures
    columns = (table.month, table.first_day, table.last_day, table.people, table.bots, table.visitors)
    rows = await session.execute(select(*columns).where(table.key == key).order_by(table.month))
    return [ImportedMonth(**row) for row in rows.mappings()]


async def list_sizes(session: Session, keys: Sequence[str]) -> list[tuple[str, date, int]]:
    """Key and month of what is kept of these entries, each with its size in bytes, in the order of the keys."""
    return [tuple(row) for row in await session.execute(_LIST_MONTHS, {"keys": list(keys)})]


async def list_lines(session: Session, months: Sequence[tuple[str, date]]) -> list[str]:
    """The lines of an export, each with its key, of months in their order."""
    values = {"keys": [key for key, _ in months], "months": [month for _, month in months]}
    return list((await session.execute(_LIST_LINES, values)).scalars())


async def forget(session: Session, keys: Sequence[str]) -> None:
    """Delete what is kept of these entries."""
    await session.execute(delete(ImportedFigures).where(ImportedFigures.key.in_(keys)))
