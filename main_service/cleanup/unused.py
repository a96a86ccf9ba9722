"""Ends entries that have not been used for long, and deletes accounts that were never confirmed."""

import logging
from datetime import timedelta

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.cleanup import storage, unconfirmed
from main_service.engines.batches import in_batches
from main_service.engines.postgres import Session
from main_service.engines.redis import RedisUnavailableError
from main_service.entries.cache import LONGEST_LIFETIME, EntryCache
from main_service.entries.read import USE_PRECISION

logger = logging.getLogger(__name__)

LAST_USE_DOUBT = USE_PRECISION + LONGEST_LIFETIME
"""The last use may be this much later than the stored one: a read within a day of it is not stored, but may leave a
cached entry in Redis, and reads of that are not stored either, for another day."""


class UnusedCleanup:
    """Ends unused entries and deletes unconfirmed accounts.

    Safe to run at any time, twice at once, and again after it was killed.
    """

    def __init__(self, *, sessions: async_sessionmaker[Session], cache: EntryCache) -> None:
        self._sessions = sessions
        self._cache = cache

    async def end_entries(self, *, days: int) -> int:
        """End the live entries that were last read or changed more than `days` days ago; return how many.

        When one was last used is known to within two days; in doubt, it stays.

        Raises:
            DatabaseUnavailableError: the next run does the rest.
        """
        age = timedelta(days=days) + LAST_USE_DOUBT

        async def end_unused(session: Session, *, limit: int) -> int:
            keys = await storage.end_unused(session, older_than=age, limit=limit)
            session.after_commit(lambda: self._invalidate(keys))
            return len(keys)

        return await in_batches(self._sessions, end_unused)

    async def delete_unconfirmed_accounts(self, *, older_than: timedelta) -> int:
        """Delete accounts that own nothing and were not confirmed within `older_than` of the last email; return how
        many.

        Raises:
            DatabaseUnavailableError: the next run does the rest.
        """

        async def delete_batch(session: Session, *, limit: int) -> int:
            return await unconfirmed.delete_unconfirmed(session, older_than=older_than, limit=limit)

        await in_batches(self._sessions, unconfirmed.note_sent_confirmations)
        return await in_batches(self._sessions, delete_batch)

    async def _invalidate(self, keys: list[str]) -> None:
        """Tell Redis of ended entries. Unlike an expiry, their end can't be seen from what is cached."""
        try:
            await self._cache.invalidate(keys)
        except RedisUnavailableError as error:
            logger.warning("Redis learns of %d unused entries later: %s", len(keys), error)
