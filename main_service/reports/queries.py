"""SQL of the contents of reports: read with database cursors, from aggregates of visits, never from single visits."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, TextClause, text

from main_service.engines.postgres import Session
from main_service.statistics.time_ranges import DateRange
from main_service.visits.models import OTHER, Dimension

ROWS_AT_ONCE = 5_000

Rows = AsyncIterator[Sequence[Row[Any]]]

# Entries that were created before the range ended.
_MINE = """
    mine AS MATERIALIZED (
        SELECT key FROM entry
         WHERE owner_id = :owner_id AND created_at < :end_at
           AND (CAST(:collection_id AS uuid) IS NULL
                OR key IN (SELECT entry_key FROM collection_entry WHERE collection_id = :collection_id))
    )
"""
_BY_ENTRY_AND_DAY = """
    by_day AS (
        SELECT key, date_trunc('day', hour_at, 'UTC') AS day, sum(people)::bigint AS people,
               sum(bots)::bigint AS bots, max(day_visitors)::bigint AS visitors
          FROM visit_hour JOIN mine USING (key)
         WHERE hour_at >= :start_at AND hour_at < :end_at
         GROUP BY key, date_trunc('day', hour_at, 'UTC')
    )
"""
_DAY = "(day AT TIME ZONE 'UTC')::date"

_DAYS = text(
    f"""
    WITH {_MINE}, {_BY_ENTRY_AND_DAY}
    SELECT {_DAY}, sum(people)::bigint, sum(bots)::bigint, sum(visitors)::bigint FROM by_day GROUP BY day ORDER BY day
    """  # noqa: S608 (no input of a user is in it)
)
_ENTRIES = text(
    f"""
    WITH {_MINE}, {_BY_ENTRY_AND_DAY}, summed AS (
        SELECT key, sum(people)::bigint AS people, sum(bots)::bigint AS bots, sum(visitors)::bigint AS visitors
          FROM by_day GROUP BY key
    )
    SELECT key, kind, title, original_url, visibility,
           CASE WHEN archival_reason IS NOT NULL THEN archival_reason
                WHEN expires_at <= now() THEN 'expired' ELSE 'live' END,
           created_at, expires_at, coalesce(ended_at, CASE WHEN expires_at <= now() THEN expires_at END),
           coalesce(people, 0), coalesce(bots, 0), coalesce(visitors, 0), visit_count
      FROM entry JOIN mine USING (key) LEFT JOIN summed USING (key)
     ORDER BY created_at, key
    """  # noqa: S608
)
_ENTRY_DAYS = text(
    f"""
    WITH {_MINE}, {_BY_ENTRY_AND_DAY}
    SELECT {_DAY}, key, people, bots, visitors FROM by_day ORDER BY key, day
    """  # noqa: S608
)
_VALUES = text(
    f"""
    WITH {_MINE}
    SELECT value, sum(visits)::bigint AS visits
      FROM visit_day_value JOIN mine USING (key)
     WHERE day BETWEEN :first AND :last AND dimension = :dimension
     GROUP BY value ORDER BY value = :other, 2 DESC, value
    """  # noqa: S608
)
_COUNT_ENTRIES = text(f"WITH {_MINE} SELECT count(*) FROM mine")  # noqa: S608
_COUNT_ENTRY_DAYS = text(f"WITH {_MINE}, {_BY_ENTRY_AND_DAY} SELECT count(*) FROM by_day")  # noqa: S608
_COUNT_VALUES = text(
    f"""
    WITH {_MINE}
    SELECT dimension, count(DISTINCT value) FROM visit_day_value JOIN mine USING (key)
     WHERE day BETWEEN :first AND :last GROUP BY dimension
    """  # noqa: S608
)
# A plan that suits one user's entries is slow for another's.
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")


@dataclass(frozen=True)
class ReportScope:
    """The visits that a report is about: to entries of an owner, in a range of days."""

    owner_id: UUID
    days: DateRange
    collection_id: UUID | None
    """Only entries in this collection; None: all of the owner's entries."""

    @property
    def _of_entries(self) -> dict[str, Any]:
        return {"owner_id": self.owner_id, "collection_id": self.collection_id, "end_at": self.days.end_at}

    @property
    def _by_hour(self) -> dict[str, Any]:
        return self._of_entries | {"start_at": self.days.start_at}

    @property
    def _by_day(self) -> dict[str, Any]:
        return self._of_entries | {"first": self.days.first, "last": self.days.last}


class ReportQueries:
    """Queries of one scope, in one transaction. Lists come in partitions; one must be read before the next starts."""

    def __init__(self, session: Session, scope: ReportScope) -> None:
        self._session = session
        self._scope = scope

    def days(self) -> Rows:
        """Day, people, bots and visitors of the days with visits, in order."""
        return self._read(_DAYS, self._scope._by_hour)

    def entries(self) -> Rows:
        """Entries, oldest first: key, kind, title, target, visibility, state or reason for the end, created, expires,
        ended, then people, bots and visitors of the range, then people ever.
        """
        return self._read(_ENTRIES, self._scope._by_hour)

    def entry_days(self) -> Rows:
        """Day, key, people, bots and visitors, sorted by key and day."""
        return self._read(_ENTRY_DAYS, self._scope._by_hour)

    def values(self, dimension: Dimension) -> Rows:
        """Value and visits of people, most visits first, `other` last."""
        return self._read(_VALUES, self._scope._by_day | {"dimension": dimension.value, "other": OTHER})

    async def count_entries(self) -> int:
        return await self._count(_COUNT_ENTRIES, self._scope._of_entries)

    async def count_entry_days(self) -> int:
        return await self._count(_COUNT_ENTRY_DAYS, self._scope._by_hour)

    async def count_values(self) -> dict[str, int]:
        """The number of different values, by dimension."""
        await self._session.execute(_PLAN_FOR_THESE_VALUES)
        rows = await self._session.execute(_COUNT_VALUES, self._scope._by_day)
        return {row[0]: row[1] for row in rows}

    async def _count(self, statement: TextClause, values: Mapping[str, Any]) -> int:
        await self._session.execute(_PLAN_FOR_THESE_VALUES)
        count: int = (await self._session.execute(statement, values)).scalar_one()
        return count

    async def _read(self, statement: TextClause, values: Mapping[str, Any]) -> Rows:
        await self._session.execute(_PLAN_FOR_THESE_VALUES)
        async for partition in self._session.partitions(statement, values, size=ROWS_AT_ONCE):
            yield partition
