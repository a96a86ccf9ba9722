"""The monthly rollup: sums of the months that are over, so that statistics of years need not read each day of them.

Ingest locks the row of each month that it adds to and clears its sums; here the same row is locked before hours and
days are read. So sums are those of all visits that were ever counted, or there are none and the days are read.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.batches import in_batches
from main_service.engines.postgres import Session

RESTS_FOR = timedelta(days=1)
"""How long after its end a month is summed up: visits that wait in the stream would only clear its sums again."""
_AT_ONCE = 50
"""Each may have the values of 31 days to read, and ingest waits if it has late visits to one of them."""

_LOCK = text(
    """
    SELECT key, month FROM visit_month WHERE people IS NULL AND month < :before
    ORDER BY month, key LIMIT :most FOR UPDATE SKIP LOCKED
    """
)
_MONTHS = """
    unnest(CAST(:keys AS text[]), CAST(:months AS date[])) AS chosen (key, month)
"""
_DELETE_VALUES = text(
    f"DELETE FROM visit_month_value AS old USING {_MONTHS} WHERE (old.key, old.month) = (chosen.key, chosen.month)"  # noqa: S608
)
_SUM_VALUES = text(
    f"""
    INSERT INTO visit_month_value (key, month, dimension, value, visits)
    SELECT chosen.key, chosen.month, summed.*
    FROM {_MONTHS}, LATERAL (
        SELECT dimension, value, sum(visits)
        FROM visit_day_value AS by_day
        WHERE by_day.key = chosen.key AND day >= chosen.month AND day < chosen.month + interval '1 month'
        GROUP BY dimension, value
    ) AS summed
    """  # noqa: S608
)
_SUM_COUNTS = text(
    f"""
    UPDATE visit_month SET people = summed.people, bots = summed.bots, visitors = summed.visitors
    FROM {_MONTHS}, LATERAL (
        SELECT coalesce(sum(people), 0) AS people, coalesce(sum(bots), 0) AS bots,
               coalesce(sum(visitors), 0) AS visitors
        FROM (
            SELECT sum(people) AS people, sum(bots) AS bots, max(day_visitors) AS visitors
            FROM visit_hour
            WHERE visit_hour.key = chosen.key AND hour_at >= CAST(chosen.month AS timestamp) AT TIME ZONE 'UTC'
              AND hour_at < (chosen.month + interval '1 month') AT TIME ZONE 'UTC'
            GROUP BY date_trunc('day', hour_at, 'UTC')
        ) AS by_day
    ) AS summed
    WHERE (visit_month.key, visit_month.month) = (chosen.key, chosen.month)
    """  # noqa: S608
)


async def roll_up_months(sessions: async_sessionmaker[Session], now: datetime) -> int:
    """Sum up the months that are over and have no sums; return how many, one for each entry. Safe to run twice at once.

    Raises:
        DatabaseUnavailableError: what is left is done by the next run.
    """
    before = (now.astimezone(UTC) - RESTS_FOR).date().replace(day=1)

    async def roll_up(session: Session, *, limit: int) -> int:
        rows = (await session.execute(_LOCK, {"before": before, "most": limit})).all()
        if rows:
            chosen = {"keys": [key for key, _ in rows], "months": [month for _, month in rows]}
            # Separate statements after the lock, so that they see what earlier holders of the lock have committed.
            for statement in (_DELETE_VALUES, _SUM_VALUES, _SUM_COUNTS):
                await session.execute(statement, chosen)
        return len(rows)

    return await in_batches(sessions, roll_up, limit=_AT_ONCE)
