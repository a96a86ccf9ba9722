"""The daily report: an email about yesterday's visits, to users who want it and had some."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import Date, Uuid, bindparam, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.accounts.models import Account
from main_service.engines.batches import in_batches
from main_service.engines.postgres import Session
from main_service.mail import outbox
from main_service.reports.storage import Recipient
from main_service.statistics.time_ranges import DateRange

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
    days = DateRange(day, day)
    return {"start_at": days.start_at, "end_at": days.end_at}


COMPLETE_AFTER = timedelta(minutes=15)
"""A day's last visits have come to PostgreSQL so long after its end, unless a part of the service was away."""
MOST_ENTRIES = 5
ACCOUNTS_PER_BATCH = 100


class DailyReports:
    """Safe to run at any time, twice at once, and again after it was killed: a letter per account and day."""

    def __init__(self, *, sessions: async_sessionmaker[Session], public_url: str) -> None:
        self._sessions = sessions
        self._public_url = public_url

    async def send(self, now: datetime) -> int:
        """Post the letters about the day of UTC before `now` that are not posted yet; return how many.

        Days before that are passed over, if nothing ran meanwhile. Who had no visits gets none.

        Raises:
            DatabaseUnavailableError: what is left is done by the next run.
        """
        if now - datetime.combine(now.date(), time(), now.tzinfo) < COMPLETE_AFTER:
            return 0
        day, total = now.date() - timedelta(days=1), 0

        async def send_batch(session: Session, *, limit: int) -> int:
            nonlocal total
            recipients = await lock_due(session, day, limit=limit)
            total += await self._send_to(session, recipients, day)
            return len(recipients)

        await in_batches(self._sessions, send_batch, limit=ACCOUNTS_PER_BATCH)
        return total

    async def _send_to(self, session: Session, recipients: Sequence[Recipient], day: date) -> int:
        account_ids = [each.account_id for each in recipients]
        counts = await count_day(session, account_ids, day)
        posted = 0
        for recipient in recipients:
            if recipient.account_id in counts:
                posted += await self._post(session, recipient, day, counts[recipient.account_id])
        await note_done(session, account_ids, day)
        return posted

    async def _post(self, session: Session, recipient: Recipient, day: date, counts: DayCounts) -> bool:
        top = await list_most_visited(session, recipient.account_id, day, limit=MOST_ENTRIES)
        return await outbox.post(
            session,
            cause=f"daily_report:{recipient.account_id}:{day}",
            recipient=recipient.email,
            letter="daily_report",
            values={
                "day": str(day),
                "people": f"{counts.people:,}",
                "bots": f"{counts.bots:,}",
                "entries_link": f"{self._public_url}/profile",
                "settings_link": f"{self._public_url}/settings#daily-report-heading",
                **self._entries(top),
            },
        )

    def _entries(self, top: Sequence[Visited]) -> dict[str, str]:
        """As the template has them, `title1` to `link5`; empty where there are fewer."""
        values: dict[str, str] = {}
        for number in range(1, MOST_ENTRIES + 1):
            each = top[number - 1] if number <= len(top) else None
            values |= {
                f"title{number}": (each.title or f"{self._public_url}/{each.key}") if each else "",
                f"visits{number}": f"{each.people:,}" if each else "",
                f"link{number}": f"{self._public_url}/{each.key}/stats" if each else "",
            }
        return values
