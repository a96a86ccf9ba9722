"""The daily report: a letter about yesterday's visits, to those who want it and had some."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service import mail
from main_service.database import Session
from main_service.reports import daily_storage as storage
from main_service.reports.daily_storage import DayCounts, Visited
from main_service.reports.storage import Recipient

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
        while True:
            async with self._sessions() as session:
                recipients = await storage.lock_due(session, day, limit=ACCOUNTS_PER_BATCH)
                total += await self._send_to(session, recipients, day)
                await session.commit()
            if len(recipients) < ACCOUNTS_PER_BATCH:
                return total

    async def _send_to(self, session: Session, recipients: Sequence[Recipient], day: date) -> int:
        account_ids = [each.account_id for each in recipients]
        counts = await storage.count_day(session, account_ids, day)
        posted = 0
        for recipient in recipients:
            if recipient.account_id in counts:
                posted += await self._post(session, recipient, day, counts[recipient.account_id])
        await storage.note_done(session, account_ids, day)
        return posted

    async def _post(self, session: Session, recipient: Recipient, day: date, counts: DayCounts) -> bool:
        top = await storage.list_most_visited(session, recipient.account_id, day, limit=MOST_ENTRIES)
        return await mail.post(
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
