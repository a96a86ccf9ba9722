"""Takes care of what accounts leave behind: their entries end, or live on as a guest's."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.account_deletion import storage
from main_service.account_deletion.storage import Left
from main_service.accounts.account_guards import GivenPassword
from main_service.accounts.changes import AccountDeleter
from main_service.engines.postgres import Session
from main_service.engines.redis import RedisUnavailableError
from main_service.entries.cache import EntryCache
from main_service.errors import UnavailableError

logger = logging.getLogger(__name__)

ROWS_PER_BATCH = 1_000
AT_ONCE = timedelta(seconds=3)
"""So long the request itself takes care of entries; thousands are done in that time, and the worker does the rest."""


class Leaving:
    """Safe to run twice at once, and again after it was killed."""

    def __init__(self, *, sessions: async_sessionmaker[Session], cache: EntryCache, longest: timedelta) -> None:
        self._sessions = sessions
        self._cache = cache
        self._longest = longest

    async def finish(self, *, within: timedelta | None = None) -> int:
        """Take care of all that was left, in batches, each a transaction of its own; return how many entries.

        `within`: begin no batch after so long; the rest is the next run's. None: to the end.

        Raises:
            DatabaseUnavailableError: what is left is done by the next run.
        """
        started_at = time.monotonic()

        def has_time() -> bool:
            return within is None or time.monotonic() - started_at < within.total_seconds()

        async with self._sessions() as session:
            lefts = await storage.list_left(session)
        return sum([await self._finish(left, has_time) for left in lefts])

    async def _finish(self, left: Left, has_time: Callable[[], bool]) -> int:
        total = 0
        while has_time():
            async with self._sessions() as session:
                keys = await storage.let_go(session, left, longest=self._longest, limit=ROWS_PER_BATCH)
                await session.commit()
            total += len(keys)
            if not keys:
                await self._delete_account(left)
                break
            try:
                await self._cache.invalidate(keys)
            except RedisUnavailableError as error:
                logger.warning("Redis did not learn of entries that were left; it will within 10 s: %s", error)
        return total

    async def _delete_account(self, left: Left) -> None:
        try:
            async with self._sessions() as session:
                await storage.delete_account(session, left.account_id)
                await session.commit()
        except IntegrityError:
            # A request that was let in before has just made an entry: the next run takes care of it.
            logger.info("An account that was left has an entry again")


class Departure:
    """An account with its collections goes in one transaction; its entries follow at once, in their own."""

    def __init__(self, *, session: Session, deleter: AccountDeleter, leaving: Leaving) -> None:
        self._session = session
        self._deleter = deleter
        self._leaving = leaving

    async def leave(self, account_id: UUID, *, password: GivenPassword, leaves_entries: bool) -> None:
        """Raises:
        CredentialsWrongError, TooManyAttemptsError: as the deleter.
        """
        await self._deleter.delete(account_id, password=password, keeps_entries=leaves_entries)
        await storage.delete_collections(self._session, account_id)
        self._session.after_commit(self._finish)

    async def _finish(self) -> None:
        try:
            await self._leaving.finish(within=AT_ONCE)
        except UnavailableError as error:
            logger.warning("Entries that were left wait for the worker: %r", error.__cause__)
