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
# A plan that suits one user's entries is slow for another's.
_PLAN_FOR_THESE_VALUES = text("SET LOCAL plan_cache_mode = force_custom_plan")


@dataclass(frozen=True)
class DayCounts:
    """Visits to all entries of a user on a day."""

    people: int
    bots: int


@dataclass(frozen=True)
class MostVisitedEntry:
    """An entry in the daily report."""

    key: str
    title: str | None
    people: int
    """Visits of people on that day."""


async def lock_due(session: Session, day: date, *, limit: int) -> Sequence[Recipient]:
    """Lock and return accounts that want a daily report and have had none for `day` or later. Skips locked ones."""
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


async def mark_done(session: Session, account_ids: Sequence[UUID], day: date) -> None:
    """Record that these accounts need no daily report for `day` any more."""
    values = {"daily_report_day": bindparam("day", day, Date)}
    statement = update(Account).where(_account.id.in_(account_ids)).values(values)
    await session.execute(statement, execution_options={"synchronize_session": False})


async def count_day(session: Session, owner_ids: Sequence[UUID], day: date) -> dict[UUID, DayCounts]:
    """Counts of the owners whose entries were visited by people on `day`; the others are absent."""
    await session.execute(_PLAN_FOR_THESE_VALUES)
    rows = await session.execute(_COUNT, {"owner_ids": list(owner_ids), **_hours(day)})
    return {owner_id: DayCounts(people, bots) for owner_id, people, bots in rows}


async def list_most_visited(session: Session, owner_id: UUID, day: date, *, limit: int) -> Sequence[MostVisitedEntry]:
    rows = await session.execute(_TOP, {"owner_id": owner_id, "limit": limit, **_hours(day)})
    return [MostVisitedEntry(*row) for row in rows]


def _hours(day: date) -> dict[str, object]:
    days = DateRange(day, day)
    return {"start_at": days.start_at, "end_at": days.end_at}


COMPLETE_AFTER = timedelta(minutes=15)
"""How long after midnight all visits of the day before are in PostgreSQL, unless a part of the service was down."""
MAX_ENTRIES = 5
ACCOUNTS_PER_BATCH = 100


class DailyReports:
    """Sends daily reports: at most one email per account and day, however often and when it is run."""

    def __init__(self, *, sessions: async_sessionmaker[Session], public_url: str) -> None:
        self._sessions = sessions
        self._public_url = public_url

    async def send(self, now: datetime) -> int:
        """Put the emails about the UTC day before `now` that are still missing into the outbox; return how many.

        Earlier days are skipped. Accounts without visits on that day get no email.

        Raises:
            DatabaseUnavailableError: the next run does the rest.
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
        enqueued = 0
        for recipient in recipients:
            if recipient.account_id in counts:
                enqueued += await self._enqueue(session, recipient, day, counts[recipient.account_id])
        await mark_done(session, account_ids, day)
        return enqueued

    async def _enqueue(self, session: Session, recipient: Recipient, day: date, counts: DayCounts) -> bool:
        top = await list_most_visited(session, recipient.account_id, day, limit=MAX_ENTRIES)
        return await outbox.enqueue(
            session,
            dedup_key=f"daily_report:{recipient.account_id}:{day}",
            recipient=recipient.email,
            template="daily_report",
            values={
                "day": str(day),
                "people": f"{counts.people:,}",
                "bots": f"{counts.bots:,}",
                "entries_link": f"{self._public_url}/profile",
                "settings_link": f"{self._public_url}/settings/visits#daily-report-heading",
                **self._entries(top),
            },
        )

    def _entries(self, top: Sequence[MostVisitedEntry]) -> dict[str, str]:
        """The template's values `title1` to `link5`; empty where there are fewer entries."""
        values: dict[str, str] = {}
        for number in range(1, MAX_ENTRIES + 1):
            each = top[number - 1] if number <= len(top) else None
            values |= {
                f"title{number}": (each.title or f"{self._public_url}/{each.key}") if each else "",
                f"visits{number}": f"{each.people:,}" if each else "",
                f"link{number}": f"{self._public_url}/{each.key}/stats" if each else "",
            }
        return values
