"""SQL of lists and exports of a user's entries."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text, tuple_

from main_service.collections.models import CollectionEntry
from main_service.engines.postgres import Session
from main_service.entries.models import ArchivalReason, Entry
from main_service.entries.storage import target_digest
from main_service.my_entries.filters import EntryState, Filters, OwnedEntry, Sort
from main_service.web.cursors import Position

_COLUMNS = [getattr(Entry, field.name) for field in fields(OwnedEntry)]
_KEY: ColumnElement[Any] = Entry.key.expression
_SORTED_BY: dict[str, ColumnElement[Any]] = {
    "created": Entry.created_at.expression,
    "updated": Entry.updated_at.expression,
    "expires": Entry.expires_at.expression,
    "title": func.lower(Entry.title),
}

# A plan that suits some filters is slow for others, and a user may have a thousand times the entries of another.
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")

# Key by key: for all keys at once, PostgreSQL might use the index on time and read the hours of all entries.
_RECENT_VISITS = text(
    """
    SELECT wanted.key, by_day.start_at, by_day.people
      FROM unnest(CAST(:keys AS text[])) AS wanted (key), LATERAL (
          SELECT date_bin('1 day', hour_at, CAST(:start_at AS timestamptz)) AS start_at, sum(people)::bigint AS people
            FROM visit_hour
           WHERE visit_hour.key = wanted.key COLLATE "C"
             AND hour_at >= CAST(:start_at AS timestamptz) AND hour_at < CAST(:end_at AS timestamptz)
           GROUP BY 1) AS by_day
    """
)


@dataclass(frozen=True)
class PositionedEntry:
    """An entry and its position in a sorted list."""

    entry: OwnedEntry
    position: Position


async def list_entries(
    session: Session,
    owner_id: UUID,
    filters: Filters,
    *,
    sort: Sort,
    after: Position | None,
    limit: int,
    now: datetime,
) -> list[PositionedEntry]:
    """At most `limit` of the owner's entries, from behind the position `after`; None: from the first."""
    await session.execute(_PLAN_FOR_THESE_VALUES)
    value = _SORTED_BY[sort.by]
    asked = select(*_COLUMNS, value).where(Entry.owner_id == owner_id, *_conditions(filters, now))
    if not sort.may_lack_value:
        return await _fetch(session, _ordered(asked, [value, _KEY], sort, _place(after)), limit)
    # Two queries, because with NULLS LAST the index would serve one direction only.
    found: list[PositionedEntry] = []
    if after is None or after.value is not None:
        with_value = asked.where(value.is_not(None))
        found = await _fetch(session, _ordered(with_value, [value, _KEY], sort, _place(after)), limit)
        after = None
    if len(found) < limit:
        without = asked.where(value.is_(None))
        behind = (after.key,) if after else None
        found += await _fetch(session, _ordered(without, [_KEY], sort, behind), limit - len(found))
    return found


async def list_live(session: Session, owner_id: UUID, keys: Sequence[str], *, now: datetime) -> list[OwnedEntry]:
    """Which of the entries belong to the owner and are live, in no order."""
    statement = select(*_COLUMNS).where(Entry.key.in_(keys), Entry.owner_id == owner_id, _is_live(now))
    return [OwnedEntry(*row) for row in await session.execute(statement)]


async def count_recent_visits(
    session: Session, keys: Sequence[str], *, start_at: datetime, days: int
) -> dict[str, list[int]]:
    """Visits of people to each entry in each of so many times 24 hours from `start_at` on, which is a full hour.

    Entries without visits are left out.
    """
    values = {"keys": list(keys), "start_at": start_at, "end_at": start_at + timedelta(days=days)}
    found: dict[str, list[int]] = {}
    for key, day_at, people in await session.execute(_RECENT_VISITS, values):
        if people:
            found.setdefault(key, [0] * days)[(day_at - start_at).days] = people
    return found


async def list_all(session: Session, owner_id: UUID, *, after: Position | None, limit: int) -> list[PositionedEntry]:
    """At most `limit` of the owner's entries, oldest first, from behind the position `after`; None: from the first."""
    statement = select(*_COLUMNS, Entry.created_at).where(Entry.owner_id == owner_id)
    ordered = _ordered(statement, [_SORTED_BY["created"], _KEY], Sort.CREATED, _place(after))
    return await _fetch(session, ordered, limit)


def _place(after: Position | None) -> tuple[Any, ...] | None:
    return (after.value, after.key) if after else None


def _ordered(
    statement: Select[Any], columns: list[ColumnElement[Any]], sort: Sort, behind: tuple[Any, ...] | None
) -> Select[Any]:
    """The statement, sorted by `columns`, with only rows behind the values `behind`; None: all rows."""
    if behind is not None:
        place = tuple_(*columns)
        statement = statement.where(place < behind if sort.is_descending else place > behind)
    return statement.order_by(*(column.desc() if sort.is_descending else column for column in columns))


async def _fetch(session: Session, statement: Select[Any], limit: int) -> list[PositionedEntry]:
    rows = await session.execute(statement.limit(limit))
    return [PositionedEntry(OwnedEntry(*row[:-1]), Position(value=row[-1], key=row.key)) for row in rows]


def _conditions(filters: Filters, now: datetime) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.kind is not None:
        conditions.append(Entry.kind == filters.kind)
    if filters.visibility is not None:
        conditions.append(Entry.visibility == filters.visibility)
    if filters.original_url is not None:
        conditions.append(Entry.target_digest == target_digest(filters.original_url))
    if filters.state is not None:
        conditions.append(_in_state(filters.state, now))
    if filters.expires_before is not None:
        conditions.append(Entry.expires_at < filters.expires_before)
    if filters.q:
        pattern = f"%{escaped(filters.q)}%"
        found = [Entry.title.ilike(pattern), Entry.original_url.ilike(pattern)]
        conditions.append(or_(*found, *([Entry.key == filters.or_key] if filters.or_key else [])))
    if filters.collection_id is not None:
        members = select(CollectionEntry.entry_key).where(CollectionEntry.collection_id == filters.collection_id)
        conditions.append(Entry.key.in_(members))
    return conditions


def _in_state(state: EntryState, now: datetime) -> ColumnElement[bool]:
    if state is EntryState.LIVE:
        return _is_live(now)
    is_over = Entry.expires_at <= now
    if state is EntryState.EXPIRED:
        unmarked = and_(Entry.ended_at.is_(None), is_over)
        return or_(Entry.archival_reason == ArchivalReason.EXPIRED, unmarked)
    return or_(Entry.ended_at.is_not(None), is_over)


def _is_live(now: datetime) -> ColumnElement[bool]:
    return and_(Entry.ended_at.is_(None), or_(Entry.expires_at.is_(None), Entry.expires_at > now))


def escaped(q: str) -> str:
    """The text as a LIKE pattern that matches exactly this text."""
    return q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
