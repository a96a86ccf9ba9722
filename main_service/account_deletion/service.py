"""Deletes accounts, and ends or releases their entries: those that live on are like a guest's."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.account_deletion import storage
from main_service.account_deletion.storage import DeletedAccount
from main_service.accounts import storage as account_storage
from main_service.accounts.account_guards import GivenPassword, Reauthenticator
from main_service.engines.postgres import Session
from main_service.engines.redis import RedisUnavailableError
from main_service.entries.cache import EntryCache
from main_service.errors import UnavailableError

logger = logging.getLogger(__name__)

ROWS_PER_BATCH = 1_000
REQUEST_TIME = timedelta(seconds=3)
"""How long a request itself releases entries: thousands, in that time. The worker does the rest."""


class EntryReleaser:
    """Ends or releases the entries of deleted accounts, then deletes the rows of these accounts.

    Safe to run twice at once, and again after it was killed.
    """

    def __init__(self, *, sessions: async_sessionmaker[Session], cache: EntryCache, max_lifetime: timedelta) -> None:
        """`max_lifetime`: how long a released entry lives at most, from now on."""
        self._sessions = sessions
        self._cache = cache
        self._max_lifetime = max_lifetime

    async def release_all(self, *, within: timedelta | None = None) -> int:
        """Go through all deleted accounts, in batches, each a transaction of its own; return how many entries.

        `within`: start no batch after so long; the rest is left to the next run. None: until all is done.

        Raises:
            DatabaseUnavailableError: the next run does the rest.
        """
        started_at = time.monotonic()

        def has_time() -> bool:
            return within is None or time.monotonic() - started_at < within.total_seconds()

        async with self._sessions() as session:
            accounts = await storage.list_deleted_accounts(session)
        return sum([await self._release(account, has_time) for account in accounts])

    async def _release(self, account: DeletedAccount, has_time: Callable[[], bool]) -> int:
        total = 0
        while has_time():
            async with self._sessions() as session:
                keys = await storage.release_entries(
                    session, account, max_lifetime=self._max_lifetime, limit=ROWS_PER_BATCH
                )
                await session.commit()
            total += len(keys)
            if not keys:
                await self._delete_account(account)
                break
            try:
                await self._cache.invalidate(keys)
            except RedisUnavailableError as error:
                logger.warning("Redis learns of the entries of a deleted account within 10 s: %s", error)
        return total

    async def _delete_account(self, account: DeletedAccount) -> None:
        try:
            async with self._sessions() as session:
                await storage.delete_account(session, account.account_id)
                await session.commit()
        except IntegrityError:
            # A request that was already being answered has made an entry: the next run takes care of it.
            logger.info("A deleted account has an entry again")


class AccountDeletion:
    """Deletes an account and its collections in the transaction of `session`; its entries follow in their own."""

    def __init__(self, *, session: Session, reauthenticator: Reauthenticator, releaser: EntryReleaser) -> None:
        self._session = session
        self._reauthenticator = reauthenticator
        self._releaser = releaser

    async def delete(self, account_id: UUID, *, password: GivenPassword, keeps_entries: bool) -> None:
        """Delete an account for good: its email and username are free, its sessions and API tokens end.

        `keeps_entries`: its entries live on without owner; private ones always end.

        Raises:
            CredentialsWrongError: the password is wrong.
            TooManyAttemptsError: it was wrong too often in this session.
            TokenInvalidError: the account was disabled or deleted.
            PasswordsBusyError: too many passwords wait to be checked.
        """
        account = await self._reauthenticator.check_and_lock(account_id, password)
        await account_storage.mark_deleted(self._session, account, keeps_entries=keeps_entries)
        await storage.delete_collections(self._session, account_id)
        self._session.after_commit(self._release_entries)

    async def _release_entries(self) -> None:
        try:
            await self._releaser.release_all(within=REQUEST_TIME)
        except UnavailableError as error:
            logger.warning("The entries of a deleted account wait for the worker: %r", error.__cause__)
