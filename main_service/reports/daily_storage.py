"""Who is due a daily report, and what is in it, from PostgreSQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from main_service.accounts.models import Account
from main_service.database import Session
from main_service.reports.storage import Recipient
from main_service.visits.periods import Days

_account = Account.__table__.c

_COUNT = text(
    """
    SELECT owner_id, sum(people)::bigint, sum(bots)::bigint
      FROM entry JOIN visit_hour USING (key)
     WHERE owner_id = ANY(:owner_ids) AND hour_at >= :start_at AND hour_at < :end_at
     GROUP BY owner_id HAVING sum(people) > 0
    """
).bindparams(bindparam("owner_ids", type_=ARRAY(Uuid)))
_TOP = text(
    """
    SELECT key, title, sum(people)::bigint AS visits
      FROM entry JOIN visit_hour USING (key)
     WHERE owner_id = :owner_id AND hour_at >= :start_at AND hour_at < :end_at
     GROUP BY key HAVING sum(people) > 0 ORDER BY visits DESC, key LIMIT :limit
    """
)
# What fits one user's entries is slow for another's.
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")


@dataclass(frozen=True)
class DayCounts:
    people: int
    bots: int


@dataclass(frozen=True)
class Visited:
    key: str
    title: str | None
    people: int


async def lock_due(session: Session, day: date, *, limit: int) -> Sequence[Recipient]:
    """Those who want a daily report and have none of this day or a later one, locked; passes by who is locked."""
    statement = (
        select(_account.id, _account.email)
        .where(
            _account.daily_report,
            or_(_account.daily_report_day.is_(None), _account.daily_report_day < day),
            _account.is_verified,
            _account.is_active,
            _account.left_at.is_(None),
        )
        .order_by(_account.id)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return [Recipient(*row) for row in await session.execute(statement)]


async def note_done(session: Session, account_ids: Sequence[UUID], day: date) -> None:
    values = {"daily_report_day": bindparam("day", day, Date)}
    statement = update(Account).where(_account.id.in_(account_ids)).values(values)
    await session.execute(statement, execution_options={"synchronize_session": False})


async def count_day(session: Session, owner_ids: Sequence[UUID], day: date) -> dict[UUID, DayCounts]:
    """Of those to whose entries people came."""
    await session.execute(_PLAN_FOR_THESE_VALUES)
    rows = await session.execute(_COUNT, {"owner_ids": list(owner_ids), **_hours(day)})
    return {owner_id: DayCounts(people, bots) for owner_id, people, bots in rows}


async def list_most_visited(session: Session, owner_id: UUID, day: date, *, limit: int) -> Sequence[Visited]:
    rows = await session.execute(_TOP, {"owner_id": owner_id, "limit": limit, **_hours(day)})
    return [Visited(*row) for row in rows]


def _hours(day: date) -> dict[str, object]:
    days = Days(day, day)
    return {"start_at": days.start_at, "end_at": days.end_at}
