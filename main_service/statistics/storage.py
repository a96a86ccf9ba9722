"""Queries for statistics: each reads sums of visits in PostgreSQL, never single visits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, text

from main_service.engines.postgres import Session
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Entry, Visibility
from main_service.entries.storage import is_not_over
from main_service.statistics.time_ranges import Buckets, DateRange
from main_service.visits.models import OTHER, Dimension, VisitHour

MAX_VALUES = 100
"""Values listed of a dimension. The rest are counted together."""

# A plan that suits one entry is slow for another: some have a hundred thousand times the rows of others.
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")

# `whole`: months that lie within the range and have sums. `rest`: the ranges of days between them.
_CUT = """
    whole AS MATERIALIZED (
        SELECT month, CAST(month + interval '1 month' AS date) AS next_month, people, bots, visitors
          FROM visit_month
         WHERE key = :key AND people IS NOT NULL
           AND month >= CAST(:first AS date) AND month + interval '1 month' <= CAST(:until AS date)
    ), rest AS (
        SELECT first, until
          FROM (SELECT lag(next_month, 1, CAST(:first AS date)) OVER (ORDER BY month) AS first, month AS until
                  FROM (SELECT month, next_month FROM whole UNION ALL SELECT CAST(:until AS date), NULL) AS ends
               ) AS gaps
         WHERE first < until
    )
"""

_COUNTS = text(
    f"""
    WITH {_CUT}
    SELECT coalesce(sum(people), 0)::bigint, coalesce(sum(bots), 0)::bigint, coalesce(sum(visitors), 0)::bigint
      FROM (SELECT people, bots, visitors FROM whole
             UNION ALL
            SELECT by_day.* FROM rest, LATERAL (
                SELECT sum(people)::bigint, sum(bots)::bigint, max(day_visitors)
                  FROM visit_hour
                 -- Compared as rows, for which the index by time alone, of all entries, is of no use.
                 WHERE (key, hour_at) >= (:key, CAST(rest.first AS timestamp) AT TIME ZONE 'UTC')
                   AND (key, hour_at) < (:key, CAST(rest.until AS timestamp) AT TIME ZONE 'UTC')
                 GROUP BY date_trunc('day', hour_at, 'UTC')) AS by_day) AS parts
    """  # noqa: S608
)

_VALUES = text(
    f"""
    WITH {_CUT}, summed AS (
        SELECT dimension, value, sum(visits) AS visits
          FROM (SELECT dimension, value, sum(visits)::bigint AS visits
                  FROM whole JOIN visit_month_value USING (month)
                 WHERE key = :key
                 GROUP BY dimension, value
                 UNION ALL
                SELECT by_value.* FROM rest, LATERAL (
                    SELECT dimension, value, sum(visits)::bigint
                      FROM visit_day_value
                     WHERE key = :key AND day >= rest.first AND day < rest.until
                     GROUP BY dimension, value) AS by_value) AS parts
         GROUP BY dimension, value
    )
    SELECT dimension, CASE WHEN place <= :max_values THEN value ELSE :other END, sum(visits)::bigint
      FROM (SELECT dimension, value, visits,
                   row_number() OVER (PARTITION BY dimension ORDER BY value = :other, visits DESC, value) AS place
              FROM summed) AS ranked
     GROUP BY 1, 2
    """  # noqa: S608
)

# On a UTC day that is only partly in the range, there are at most as many visitors as visits in that part.
_COUNTS_BETWEEN = text(
    """
    SELECT coalesce(sum(people), 0)::bigint, coalesce(sum(bots), 0)::bigint, coalesce(sum(visitors), 0)::bigint
      FROM (SELECT sum(people) AS people, sum(bots) AS bots, least(sum(people), max(day_visitors)) AS visitors
              FROM visit_hour
             WHERE key = :key AND hour_at >= :start_at AND hour_at < :end_at
             GROUP BY date_trunc('day', hour_at, 'UTC')) AS by_day
    """
)

_HISTORY = text(
    """
    SELECT width_bucket(hour_at, CAST(:starts AS timestamptz[])) - 1, sum(people)::bigint, sum(bots)::bigint
      FROM visit_hour
     WHERE key = :key AND hour_at >= :start_at AND hour_at < :end_at
     GROUP BY 1
    """
)


@dataclass(frozen=True)
class RangeCounts:
    """Visits to an entry in a range of days."""

    people: int
    bots: int
    day_visitors: int
    """Different people of each day of UTC, summed up."""


@dataclass(frozen=True)
class ValueCount:
    """How many visits of people had a value of a dimension."""

    value: str
    visits: int


@dataclass(frozen=True)
class OwnTotals:
    """Sums of all entries of an account, live and ended."""

    entries: int
    live_entries: int
    people: int
    bots: int
    last_visit_at: datetime | None


async def count(session: Session, key: str, days: DateRange) -> RangeCounts:
    """The visits to an entry on these days of UTC."""
    values = {"key": key, "first": days.first, "until": days.until}
    return RangeCounts(*(await session.execute(_COUNTS, values)).one())


async def count_between(session: Session, key: str, start_at: datetime, end_at: datetime) -> RangeCounts:
    """The visits to an entry between two whole hours of UTC."""
    values = {"key": key, "start_at": start_at, "end_at": end_at}
    return RangeCounts(*(await session.execute(_COUNTS_BETWEEN, values)).one())


async def list_values(session: Session, key: str, days: DateRange) -> dict[Dimension, list[ValueCount]]:
    """The most frequent values of each dimension on these days of UTC, and last the others together."""
    await session.execute(_PLAN_FOR_THESE_VALUES)
    values = {"key": key, "first": days.first, "until": days.until, "max_values": MAX_VALUES, "other": OTHER}
    found: dict[Dimension, list[ValueCount]] = {dimension: [] for dimension in Dimension}
    for dimension, value, visits in await session.execute(_VALUES, values):
        if dimension in found:
            found[Dimension(dimension)].append(ValueCount(value, visits))
    for counts in found.values():
        counts.sort(key=lambda each: (each.value == OTHER, -each.visits, each.value))
    return found


async def count_by_bucket(session: Session, key: str, buckets: Buckets) -> dict[int, tuple[int, int]]:
    """Visits of people and of bots by the index of the bucket; buckets without visits are left out."""
    if not buckets.starts:
        return {}
    values = {"key": key, "starts": buckets.starts, "start_at": buckets.starts[0], "end_at": buckets.end_at}
    return {index: (people, bots) for index, people, bots in await session.execute(_HISTORY, values)}


async def total_own(session: Session, owner_id: UUID) -> OwnTotals:
    """The sums of all entries of an account that still have an owner."""
    is_live = and_(Entry.ended_at.is_(None), is_not_over())
    statement = select(
        func.count(),
        func.count().filter(is_live),
        func.coalesce(func.sum(Entry.visit_count), 0),
        func.coalesce(func.sum(Entry.bot_count), 0),
        # Without visits it is a use, noted there by a release that may still run beside this one.
        func.max(Entry.last_visit_at).filter(Entry.visit_count > 0),
    ).where(Entry.owner_id == owner_id)
    entries, live_entries, people, bots, last_visit_at = (await session.execute(statement)).one()
    return OwnTotals(entries, live_entries, int(people), int(bots), last_visit_at)


class RankedKey(NamedTuple):
    """An entry in a ranking, as it is kept in Redis: the order of the fields is part of the format."""

    key: str
    visitors: int
    """Different people of each day of UTC, summed up."""
    visits: int
    """Visits of people."""


async def rank_public(session: Session, *, since: datetime, limit: int) -> list[RankedKey]:
    """The public live entries that most people have visited since a whole hour, most visitors first.

    At a tie the older one is first, which no number of visits can change. The day on which the time begins counts with
    all of its visitors, but with no more than it had visits since.
    """
    people = func.sum(VisitHour.people)
    # Joined before grouping: most entries are not public, and grouping all of them takes three times as long.
    by_day = (
        select(
            VisitHour.key,
            Entry.created_at,
            people.label("visits"),
            func.least(people, func.max(VisitHour.day_visitors)).label("visitors"),
        )
        .join(Entry, Entry.key == VisitHour.key)
        .where(VisitHour.hour_at >= since, *_is_public())
        .group_by(VisitHour.key, Entry.created_at, func.date_trunc("day", VisitHour.hour_at, "UTC"))
        .having(people > 0)
        .subquery()
    )
    visitors = func.sum(by_day.c.visitors)
    statement = (
        select(by_day.c.key, visitors, func.sum(by_day.c.visits))
        .group_by(by_day.c.key, by_day.c.created_at)
        .order_by(visitors.desc(), by_day.c.created_at, by_day.c.key)
        .limit(limit)
    )
    return [RankedKey(key, int(visitors), int(visits)) for key, visitors, visits in await session.execute(statement)]


async def list_public(session: Session, keys: Sequence[str]) -> dict[str, LiveEntry]:
    """The entries that are public and live, by key; others are left out."""
    rows = await session.execute(select(Entry).where(Entry.key.in_(keys), *_is_public()))
    return {row.key: LiveEntry.from_row(row) for row in rows.scalars()}


def _is_public() -> tuple[ColumnElement[bool], ...]:
    return Entry.visibility == Visibility.PUBLIC, Entry.ended_at.is_(None), is_not_over()


def hours_back(now: datetime, span: timedelta) -> datetime:
    """The whole hour at which a time of length `span` begins that ends with the present hour."""
    return now.replace(minute=0, second=0, microsecond=0) - span + timedelta(hours=1)
