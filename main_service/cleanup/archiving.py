"""Ends the entries that nobody uses."""

import logging
from datetime import timedelta

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.careful_redis import RedisAwayError
from main_service.cleanup import storage
from main_service.cleanup.batches import in_batches
from main_service.database import Session
from main_service.entries.copies import LONGEST_LIFETIME, Copies
from main_service.entries.reading import USE_PRECISION

logger = logging.getLogger(__name__)

LAST_USE_DOUBT = USE_PRECISION + LONGEST_LIFETIME
"""The last use may be so much later than what is written: a reader who comes within a day of it writes nothing down,
but may leave a copy in Redis, whose readers write nothing down either, for another day."""


class Archive:
    """Safe to run at any time, twice at once, and again after it was killed."""

    def __init__(self, *, sessions: async_sessionmaker[Session], copies: Copies) -> None:
        self._sessions = sessions
        self._copies = copies

    async def archive_unused(self, days: int) -> int:
        """End the live entries that were last read or changed more than `days` days ago; return how many.

        When one was last used is known to within two days; where in doubt, it stays.

        Raises:
            DatabaseUnavailableError: what is left is done by the next run.
        """
        age = timedelta(days=days) + LAST_USE_DOUBT

        async def end_unused(session: Session, *, limit: int) -> int:
            keys = await storage.end_unused(session, older_than=age, limit=limit)
            session.after_commit(lambda: self._bury(keys))
            return len(keys)

        return await in_batches(self._sessions, end_unused)

    async def _bury(self, keys: list[str]) -> None:
        """Unlike an end by the clock, no reader of a copy sees this one."""
        try:
            await self._copies.bury(keys)
        except RedisAwayError as error:
            logger.warning("Redis learns of %d unused entries later: %s", len(keys), error)
