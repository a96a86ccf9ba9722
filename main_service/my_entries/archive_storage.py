"""SQL of the archive of all that belongs to a user. Each function reads so much that it fits into memory."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, literal, or_, select, text, tuple_

from main_service.collections.models import Collection, CollectionEntry
from main_service.engines.postgres import Session
from main_service.entries.models import Entry, Kind, LinkTarget, Visibility
from main_service.my_entries.filters import OwnedEntry
from main_service.web.cursors import Position

_OWNED = [getattr(Entry, field.name) for field in fields(OwnedEntry)]
_PLACE = tuple_(Entry.created_at, Entry.key)

# Each day as one row. What was counted of it stands in `visit_hour` and `visit_day_value`, written by one transaction.
_DAYS = text(
    """
    SELECT days.key, days.day, days.visitors, days.hours, (
               SELECT jsonb_object_agg(dimension, by_value)
                 FROM (SELECT dimension, jsonb_object_agg(value, visits) AS by_value
                         FROM visit_day_value AS found
                        WHERE found.key = days.key AND found.day = days.day
                        GROUP BY dimension) AS dimensions
           ) AS values
      FROM (SELECT key, day, max(day_visitors) AS visitors,
                   jsonb_object_agg(hour, jsonb_build_array(people, bots)) AS hours
              FROM (SELECT key, (hour_at AT TIME ZONE 'UTC')::date AS day, people, bots, day_visitors,
                           extract(hour FROM hour_at AT TIME ZONE 'UTC')::int AS hour
                      FROM visit_hour
                     WHERE key = ANY(CAST(:keys AS text[]))
                       AND hour_at >= CAST(:from_day AS timestamp) AT TIME ZONE 'UTC'
                       AND hour_at < CAST(:until_day AS timestamp) AT TIME ZONE 'UTC') AS hours
             GROUP BY key, day) AS days
     ORDER BY array_position(CAST(:keys AS text[]), days.key), days.day
    """
)
_FIRST_AND_LAST_HOUR = text("SELECT min(hour_at), max(hour_at) FROM visit_hour WHERE key = :key")


@dataclass(frozen=True)
class ArchivedEntry:
    """An entry with what only its archive has."""

    entry: OwnedEntry
    has_public_statistics: bool
    bot_count: int
    imported_bot_count: int
    """Visits of crawlers that were counted elsewhere before it was imported."""
    position: Position

    @property
    def counted(self) -> int:
        """Visits of people and bots."""
        return self.entry.visit_count + self.bot_count

    @property
    def has_imported_visits(self) -> bool:
        return self.entry.imported_visit_count + self.imported_bot_count > 0


@dataclass(frozen=True)
class ArchivedText:
    """The text of a paste that was live when the archive was begun. `body_id`: None: it has ended meanwhile."""

    key: str
    body_id: UUID | None
    size_bytes: int
    position: Position


async def list_entries(
    session: Session, owner_id: UUID, *, after: Position | None, until: Position | None, limit: int
) -> list[ArchivedEntry]:
    """At most `limit` of the owner's entries, oldest first, behind the position `after` and up to `until`, if given."""
    statement = (
        select(*_OWNED, Entry.has_public_statistics, Entry.bot_count, Entry.imported_bot_count)
        .where(Entry.owner_id == owner_id, *_between(after, until))
        .order_by(Entry.created_at, Entry.key)
        .limit(limit)
    )
    rows = await session.execute(statement)
    return [
        ArchivedEntry(
            OwnedEntry(*row[: len(_OWNED)]),
            row.has_public_statistics,
            row.bot_count,
            row.imported_bot_count,
            Position(value=row.created_at, key=row.key),
        )
        for row in rows
    ]


async def list_targets(session: Session, keys: Sequence[str]) -> dict[str, list[tuple[datetime, str]]]:
    """What each link led to from which instant on, the oldest first."""
    statement = select(LinkTarget).where(LinkTarget.key.in_(keys)).order_by(LinkTarget.key, LinkTarget.valid_from)
    found: dict[str, list[tuple[datetime, str]]] = {}
    for target in (await session.execute(statement)).scalars():
        found.setdefault(target.key, []).append((target.valid_from, target.original_url))
    return found


async def list_texts(
    session: Session,
    owner_id: UUID,
    *,
    begun_at: datetime,
    now: datetime,
    after: Position | None,
    until: Position,
    limit: int,
) -> list[ArchivedText]:
    """At most `limit` of the owner's pastes that were live at `begun_at`, as they are `now`, oldest first."""
    is_over = or_(Entry.ended_at.is_not(None), and_(Entry.expires_at.is_not(None), Entry.expires_at <= now))
    statement = (
        select(Entry.key, Entry.body_id, Entry.size_bytes, Entry.created_at, is_over.label("is_over"))
        .where(
            Entry.owner_id == owner_id,
            Entry.kind == Kind.PASTE,
            or_(Entry.ended_at.is_(None), Entry.ended_at > begun_at),
            or_(Entry.expires_at.is_(None), Entry.expires_at > begun_at),
            *_between(after, until),
        )
        .order_by(Entry.created_at, Entry.key)
        .limit(limit)
    )
    return [
        ArchivedText(
            key=row.key,
            body_id=None if row.is_over else row.body_id,
            size_bytes=row.size_bytes or 0,
            position=Position(value=row.created_at, key=row.key),
        )
        for row in await session.execute(statement)
    ]


async def find_body(session: Session, key: str) -> UUID | None:
    """The id of a live paste's text as it is now; None: it has ended."""
    statement = select(Entry.body_id).where(Entry.key == key, Entry.ended_at.is_(None))
    found: UUID | None = (await session.execute(statement)).scalar_one_or_none()
    return found


async def find_days(session: Session, key: str) -> tuple[date, date] | None:
    """The first and the last day of UTC on which an entry was visited; None: it was never."""
    first, last = (await session.execute(_FIRST_AND_LAST_HOUR, {"key": key})).one()
    return None if first is None else (first.date(), last.date())


async def list_figures(
    session: Session, keys: Sequence[str], *, from_day: date, until_day: date
) -> list[dict[str, Any]]:
    """The figures of each entry and day, in the order of `keys`. `until_day`: the first day that is left out."""
    values = {"keys": list(keys), "from_day": _midnight(from_day), "until_day": _midnight(until_day)}
    return [dict(row) for row in (await session.execute(_DAYS, values)).mappings()]


async def list_collections(session: Session, owner_id: UUID) -> list[Collection]:
    """All collections of the owner, by name. There are at most 1,000."""
    statement = select(Collection).where(Collection.owner_id == owner_id)
    return list((await session.execute(statement.order_by(func.lower(Collection.name)))).scalars())


async def list_collected(
    session: Session, owner_id: UUID, collection_id: UUID, *, after: Position | None, limit: int
) -> list[Position]:
    """When which entry was added to a collection, first added first: those that are live and that its owner may see."""
    place = tuple_(CollectionEntry.added_at, CollectionEntry.entry_key)
    is_live = and_(Entry.ended_at.is_(None), or_(Entry.expires_at.is_(None), Entry.expires_at > func.now()))
    statement = (
        select(CollectionEntry.added_at, CollectionEntry.entry_key)
        .join(Entry, Entry.key == CollectionEntry.entry_key)
        .where(
            CollectionEntry.collection_id == collection_id,
            is_live,
            or_(Entry.visibility != Visibility.PRIVATE, Entry.owner_id == owner_id),
        )
        .order_by(CollectionEntry.added_at, CollectionEntry.entry_key)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(place > _place(after))
    return [Position(value=row.added_at, key=row.entry_key) for row in await session.execute(statement)]


def _between(after: Position | None, until: Position | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if after is not None:
        conditions.append(_place(after) < _PLACE)
    if until is not None:
        conditions.append(_place(until) >= _PLACE)
    return conditions


def _place(position: Position) -> ColumnElement[Any]:
    return tuple_(literal(position.value), literal(position.key))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001 (PostgreSQL reads it in UTC)
