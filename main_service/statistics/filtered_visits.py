"""Queries of the visits that match filters: they read single visits, as long as those are kept, a bounded number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, ColumnElement, DateTime, Row, bindparam, func, literal, or_, select, text

from main_service.engines.postgres import Session
from main_service.statistics.storage import MAX_VALUES, ValueCount
from main_service.statistics.time_ranges import Buckets
from main_service.visits.models import OTHER, UNKNOWN, Dimension, VisitHour, visit

COLUMNS: dict[Dimension, ColumnElement[str | None]] = {
    Dimension.COUNTRY: visit.c.country,
    Dimension.DEVICE: visit.c.device_type,
    Dimension.BROWSER: visit.c.browser,
    Dimension.OS: visit.c.os,
    Dimension.LANGUAGE: visit.c.language,
    Dimension.REFERRER: visit.c.referrer_domain,
}
# GROUPING() has a bit for each column, the first the highest: 0 if rows are grouped by it.
_OF_BUCKETS = 2 ** len(COLUMNS) - 1
_OF_DIMENSIONS = {2 * _OF_BUCKETS + 1 - 2**place: dimension for place, dimension in enumerate(reversed(COLUMNS))}
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")


@dataclass(frozen=True)
class MatchingVisits:
    """The visits of people that match filters."""

    by_bucket: dict[int, int]
    """Visits by the index of the bucket; buckets without visits are left out."""
    values: dict[Dimension, list[ValueCount]]


async def find_first(session: Session, key: str) -> tuple[datetime | None, datetime | None]:
    """The hour of an entry's first visit, and the time of the first that is still kept by itself; None: none."""
    first_counted = select(func.min(VisitHour.hour_at)).where(VisitHour.key == key).scalar_subquery()
    first_kept = select(func.min(visit.c.visited_at)).where(visit.c.key == key).scalar_subquery()
    counted_at, kept_at = (await session.execute(select(first_counted, first_kept))).one()
    return counted_at, kept_at


async def count_matching(
    session: Session, key: str, buckets: Buckets, filters: Mapping[Dimension, str]
) -> MatchingVisits:
    """The visits of people with these values, by bucket and by the most frequent values of each dimension.

    All in one pass over the visits of the entry in that time: the caller sees to it that they are not too many.
    """
    if not buckets.starts:
        return MatchingVisits({}, {dimension: [] for dimension in Dimension})
    starts = bindparam("starts", buckets.starts, ARRAY(DateTime(timezone=True)))
    values = {each: func.coalesce(column, UNKNOWN) for each, column in COLUMNS.items()}
    seen = (
        select(
            (func.width_bucket(visit.c.visited_at, starts) - 1).label("bucket"),
            *(value.label(each.value) for each, value in values.items()),
        )
        .where(*_conditions(key, buckets.starts[0], buckets.end_at, filters))
        .subquery()
    )
    columns = [seen.c[each.value] for each in COLUMNS]
    grouping = func.grouping(seen.c.bucket, *columns)
    is_bucket = grouping == literal(_OF_BUCKETS)
    grouped = (
        select(
            is_bucket.label("is_bucket"),
            grouping.label("grouping"),
            seen.c.bucket,
            func.coalesce(*columns).label("value"),
            func.count().label("visits"),
        )
        .group_by(func.grouping_sets(seen.c.bucket, *columns))
        .subquery()
    )
    place = func.row_number().over(partition_by=grouped.c.grouping, order_by=(grouped.c.visits.desc(), grouped.c.value))
    ranked = select(grouped, place.label("place")).subquery()
    statement = (
        select(ranked.c.grouping, ranked.c.bucket, ranked.c.value, ranked.c.visits)
        .where(or_(ranked.c.is_bucket, ranked.c.place <= MAX_VALUES))
        .order_by(ranked.c.visits.desc(), ranked.c.value)
    )
    await session.execute(_PLAN_FOR_THESE_VALUES)
    return _matching((await session.execute(statement)).all())


async def count_people(
    session: Session, key: str, start_at: datetime, end_at: datetime, filters: Mapping[Dimension, str]
) -> int:
    """How many visits of people have these values in that time, under the same condition."""
    counting = select(func.count()).select_from(visit).where(*_conditions(key, start_at, end_at, filters))
    await session.execute(_PLAN_FOR_THESE_VALUES)
    count: int = (await session.execute(counting)).scalar_one()
    return count


def _conditions(
    key: str, start_at: datetime, end_at: datetime, filters: Mapping[Dimension, str]
) -> list[ColumnElement[bool]]:
    return [
        visit.c.key == key,
        visit.c.visited_at >= start_at,
        visit.c.visited_at < end_at,
        visit.c.is_bot.is_(False),
        *(_matches(COLUMNS[each], wanted) for each, wanted in filters.items()),
    ]


def _matches(column: ColumnElement[str | None], wanted: str) -> ColumnElement[bool]:
    return or_(column.is_(None), column == UNKNOWN) if wanted == UNKNOWN else column == wanted


def _matching(rows: Sequence[Row[tuple[int, int | None, str, int]]]) -> MatchingVisits:
    by_bucket: dict[int, int] = {}
    values: dict[Dimension, list[ValueCount]] = {dimension: [] for dimension in Dimension}
    for grouping, bucket, value, visits in rows:
        if grouping == _OF_BUCKETS:
            by_bucket[bucket] = visits
        else:
            values[_OF_DIMENSIONS[grouping]].append(ValueCount(value, visits))
    total = sum(by_bucket.values())
    for counts in values.values():
        if rest := total - sum(each.visits for each in counts):
            counts.append(ValueCount(OTHER, rest))
    return MatchingVisits(by_bucket, values)
