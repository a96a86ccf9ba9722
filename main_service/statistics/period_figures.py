"""The figures of a period, of all visits to an entry or of those that match filters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from main_service.engines.postgres import Session
from main_service.statistics import filtered_visits, storage
from main_service.statistics.periods import Period
from main_service.statistics.service import Bucket, CountedEntry
from main_service.statistics.storage import RangeCounts, ValueCount
from main_service.statistics.time_ranges import HOUR, Buckets, DateRange, whole_hour
from main_service.visits.models import Dimension

MAX_FILTERED = 250_000
"""Single visits that a filter looks through at most: some tenths of a second of PostgreSQL's time."""


class FilterLimit(StrEnum):
    """Why filters don't reach back to where a period begins."""

    RETENTION = "retention"
    """Single visits from before are no longer kept."""
    NUMBER = "number"
    """There are more than `MAX_FILTERED`."""


@dataclass(frozen=True)
class Filterable:
    """The part of a period that can be filtered: from `since` on; None: no part of it. `limit`: why not all of it."""

    since: datetime | None
    limit: FilterLimit | None = None


@dataclass(frozen=True)
class PeriodFigures:
    """The figures of a period."""

    buckets: list[Bucket]
    values: dict[Dimension, list[ValueCount]]
    values_of: DateRange | None
    """The days of UTC that `values` are of; None: exactly the period."""
    visitors: int | None
    """Different people of each day, summed up; None: not known, of a part of the visits."""
    before: RangeCounts | None
    """The period before; None: there is nothing to compare with."""
    filterable: Filterable
    is_before_filterable: bool
    """Whether all of the period and of the one before can be filtered."""

    @property
    def people(self) -> int:
        return sum(each.people for each in self.buckets)

    @property
    def bots(self) -> int:
        return sum(each.bots for each in self.buckets)


class PeriodStatistics:
    """Reads the figures of opened entries."""

    def __init__(self, *, session: Session) -> None:
        self._session = session

    async def get_figures(self, entry: CountedEntry, period: Period, zone: ZoneInfo) -> PeriodFigures:
        """The figures of all visits, from sums alone. Breakdowns are of the days of UTC that the period touches."""
        found = await storage.count_by_bucket(self._session, entry.key, period.buckets)
        counts = await storage.count_between(self._session, entry.key, period.start_at, period.end_at)
        before = None
        if period.before is not None:
            before = await storage.count_between(self._session, entry.key, *period.before)
        days = DateRange(period.start_at.date(), (max(period.start_at, period.end_at - HOUR)).date())
        first_counted_at, first_kept_at = await filtered_visits.find_first(self._session, entry.key)
        kept_since = _kept_since(first_counted_at, first_kept_at, period.end_at)
        return PeriodFigures(
            buckets=_buckets(period.buckets, found, zone),
            values=await storage.list_values(self._session, entry.key, days),
            values_of=None if _is_whole(period, days) else days,
            visitors=counts.day_visitors,
            before=before,
            filterable=_filterable(period.buckets, found, kept_since=kept_since),
            is_before_filterable=before is not None
            and counts.people + counts.bots + before.people + before.bots <= MAX_FILTERED
            and (kept_since is None or (period.before is not None and kept_since <= period.before[0])),
        )

    async def filter(
        self,
        entry: CountedEntry,
        period: Period,
        figures: PeriodFigures,
        filters: Mapping[Dimension, str],
        zone: ZoneInfo,
    ) -> PeriodFigures:
        """The figures of the visits of people that match, as far as they can be filtered, exactly in that time.

        `figures`: those of all visits in the period.
        """
        since = figures.filterable.since
        buckets = Buckets([], period.end_at) if since is None else period.buckets.since(since)
        matching = await filtered_visits.count_matching(self._session, entry.key, buckets, filters)
        found = {index: (people, 0) for index, people in matching.by_bucket.items()}
        before = None
        if figures.is_before_filterable and period.before is not None:
            people = await filtered_visits.count_people(self._session, entry.key, *period.before, filters)
            before = RangeCounts(people, bots=0, day_visitors=0)
        return replace(
            figures,
            buckets=_buckets(buckets, found, zone),
            values=matching.values,
            values_of=None,
            visitors=None,
            before=before,
        )


def _buckets(buckets: Buckets, found: Mapping[int, tuple[int, int]], zone: ZoneInfo) -> list[Bucket]:
    return [Bucket(start.astimezone(zone), *found.get(index, (0, 0))) for index, start in enumerate(buckets.starts)]


def _is_whole(period: Period, days: DateRange) -> bool:
    """Whether the period is exactly these days of UTC, so far."""
    return period.start_at == days.start_at and period.end_at > days.end_at - timedelta(days=1)


def _kept_since(first_counted_at: datetime | None, first_kept_at: datetime | None, end_at: datetime) -> datetime | None:
    """The whole hour from which on all visits are kept by themselves; None: all of them are."""
    if first_counted_at is None:
        return None
    if first_kept_at is None:
        return end_at
    kept_at = whole_hour(first_kept_at)
    return kept_at if first_counted_at < kept_at else None


def _filterable(buckets: Buckets, found: Mapping[int, tuple[int, int]], *, kept_since: datetime | None) -> Filterable:
    since, visits, limit = None, 0, None
    for index in reversed(range(len(buckets.starts))):
        visits += sum(found.get(index, (0, 0)))
        if visits > MAX_FILTERED:
            limit = FilterLimit.NUMBER
            break
        since = buckets.starts[index]
    if since is not None and kept_since is not None and since < kept_since:
        return Filterable(kept_since if kept_since < buckets.end_at else None, FilterLimit.RETENTION)
    return Filterable(since, limit)
