"""The clean-up, step by step, and the end of entries that have not been used for long."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.cleanup import storage, unconfirmed
from main_service.engines.batches import TakeBatch, in_batches
from main_service.engines.postgres import Session
from main_service.engines.redis import RedisUnavailableError
from main_service.engines.texts import BodyStore
from main_service.entries.cache import LONGEST_LIFETIME, EntryCache
from main_service.entries.read import USE_PRECISION
from main_service.entries.storage import note_deleted_bodies

ORPHAN_AGE = timedelta(days=1)
"""A text is stored before its row; only one that is much older than any request lasts has surely lost its row."""


@dataclass(frozen=True)
class Cleaned:
    ended: int
    """Entries ended because their time was over."""
    bodies_deleted: int
    """Texts deleted that nobody may read any more."""
    emptied: int
    """Ended entries emptied of all but key, kind, reason and times."""
    orphans_deleted: int
    """Texts deleted that no row names: left by crashes."""
    attempts_forgotten: int
    """Idempotency keys deleted because their time was over."""
    sessions_forgotten: int
    """Ends of sessions deleted because the sessions would have expired by now."""


class Cleanup:
    """Safe to run at any time, twice at once, and again after it was killed."""

    def __init__(
        self, *, sessions: async_sessionmaker[Session], bodies: BodyStore, archive_retention: timedelta
    ) -> None:
        """`archive_retention`: how long the facts of a user's ended entry are kept."""
        self._sessions = sessions
        self._bodies = bodies
        self._archive_retention = archive_retention

    async def clean_up(self) -> Cleaned:
        """All steps.

        Raises:
            DatabaseUnavailableError, BodyStoreUnavailableError: what is left is done by the next run.
        """
        return Cleaned(
            ended=await self.end_expired(),
            # Before the steps that need the object store, which may be away.
            attempts_forgotten=await self._in_batches(storage.purge_idempotency_keys),
            sessions_forgotten=await self._in_batches(storage.purge_ended_sessions),
            bodies_deleted=await self.delete_bodies(),
            emptied=await self.empty_ended(),
            orphans_deleted=await self.sweep_orphans(),
        )

    async def end_expired(self) -> int:
        """End every live entry whose time is over. Readers need no telling: they look at the clock themselves."""
        return await self._in_batches(storage.end_expired)

    async def delete_bodies(self) -> int:
        """Delete the texts that are due, in bulk."""
        started_at = datetime.now(UTC)

        async def delete_due(session: Session, *, limit: int) -> int:
            body_ids = await storage.list_bodies_to_delete(session, before=started_at, limit=limit)
            if body_ids:
                # The rows stay locked meanwhile, so that two runs share the work instead of doing it twice.
                await self._bodies.delete(body_ids)
                await note_deleted_bodies(session, body_ids)
            return len(body_ids)

        return await self._in_batches(delete_due)

    async def empty_ended(self) -> int:
        """Empty ended entries of all but key, kind, reason and times: a guest's at once, a user's after a while."""

        async def empty_users(session: Session, *, limit: int) -> int:
            return await storage.empty_ended_of_users(session, older_than=self._archive_retention, limit=limit)

        return await self._in_batches(storage.empty_ended_of_guests) + await self._in_batches(empty_users)

    async def sweep_orphans(self) -> int:
        """Delete texts that no row names and files that a put left unfinished, all older than a day."""
        total = await self._bodies.sweep_unfinished(older_than=ORPHAN_AGE)
        async for page in self._bodies.list_pages():
            before = datetime.now(UTC) - ORPHAN_AGE
            old = [stored.body_id for stored in page if stored.stored_at < before]
            if not old:
                continue
            async with self._sessions() as session:
                known = await storage.find_known_bodies(session, old)
            orphans = [body_id for body_id in old if body_id not in known]
            await self._bodies.delete(orphans)
            total += len(orphans)
        return total

    async def _in_batches(self, take_batch: TakeBatch) -> int:
        return await in_batches(self._sessions, take_batch)


logger = logging.getLogger(__name__)

LAST_USE_DOUBT = USE_PRECISION + LONGEST_LIFETIME
"""The last use may be so much later than what is written: a reader who comes within a day of it writes nothing down,
but may leave a cached entry in Redis, whose readers write nothing down either, for another day."""


async def delete_unconfirmed(sessions: async_sessionmaker[Session], *, older_than: timedelta) -> int:
    """Delete the accounts that own nothing and were not confirmed for so long after they could be; return how many.

    Safe to run at any time, twice at once, and again after it was killed.

    Raises:
        DatabaseUnavailableError: what is left is done by the next run.
    """

    async def delete_batch(session: Session, *, limit: int) -> int:
        return await unconfirmed.delete_unconfirmed(session, older_than=older_than, limit=limit)

    await in_batches(sessions, unconfirmed.note_sent_confirmations)
    return await in_batches(sessions, delete_batch)


class Archive:
    """Safe to run at any time, twice at once, and again after it was killed."""

    def __init__(self, *, sessions: async_sessionmaker[Session], cache: EntryCache) -> None:
        self._sessions = sessions
        self._cache = cache

    async def archive_unused(self, days: int) -> int:
        """End the live entries that were last read or changed more than `days` days ago; return how many.

        When one was last used is known to within two days; where in doubt, it stays.

        Raises:
            DatabaseUnavailableError: what is left is done by the next run.
        """
        age = timedelta(days=days) + LAST_USE_DOUBT

        async def end_unused(session: Session, *, limit: int) -> int:
            keys = await storage.end_unused(session, older_than=age, limit=limit)
            session.after_commit(lambda: self._invalidate(keys))
            return len(keys)

        return await in_batches(self._sessions, end_unused)

    async def _invalidate(self, keys: list[str]) -> None:
        """Write tombstones: unlike an end by the clock, no reader of the cache notices this one."""
        try:
            await self._cache.invalidate(keys)
        except RedisUnavailableError as error:
            logger.warning("Redis learns of %d unused entries later: %s", len(keys), error)
