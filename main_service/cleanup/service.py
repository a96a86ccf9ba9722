"""The clean-up, step by step: what expired is ended, texts are deleted, what is old is emptied or deleted."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.cleanup import storage
from main_service.engines.batches import TakeBatch, in_batches
from main_service.engines.postgres import Session
from main_service.engines.texts import BodyStore
from main_service.entries.storage import note_deleted_bodies

ORPHAN_AGE = timedelta(days=1)
"""A text is stored before its row, so only one much older than any request can take has surely no row."""


@dataclass(frozen=True)
class CleanupCounts:
    """What a clean-up did. The names are those of the result of a job in the API."""

    ended: int
    """Entries ended because their time was over."""
    bodies_deleted: int
    """Texts deleted whose entry has ended or got another text."""
    emptied: int
    """Ended entries emptied of all but key, kind, reason and times."""
    orphans_deleted: int
    """Texts deleted that no row names: left by crashes."""
    attempts_forgotten: int
    """Idempotency keys deleted because their time was over."""
    sessions_forgotten: int
    """Ends of sessions deleted because the sessions would have expired by now."""


class CleanupService:
    """Runs all steps of the clean-up, or one of them.

    Safe to run at any time, twice at once, and again after it was killed.
    """

    def __init__(
        self, *, sessions: async_sessionmaker[Session], bodies: BodyStore, archive_retention: timedelta
    ) -> None:
        """`archive_retention`: how long a user's ended entry keeps its title, target and owner."""
        self._sessions = sessions
        self._bodies = bodies
        self._archive_retention = archive_retention

    async def clean_up(self) -> CleanupCounts:
        """Run all steps.

        Raises:
            DatabaseUnavailableError, BodyStoreUnavailableError: what is left is done by the next run.
        """
        return CleanupCounts(
            ended=await self.end_expired(),
            # Before the steps that need the object store, which may be away.
            attempts_forgotten=await self._in_batches(storage.purge_idempotency_keys),
            sessions_forgotten=await self._in_batches(storage.purge_ended_sessions),
            bodies_deleted=await self.delete_bodies(),
            emptied=await self.empty_ended(),
            orphans_deleted=await self.sweep_orphans(),
        )

    async def end_expired(self) -> int:
        """End the live entries whose time is over; return how many. Readers of the cache check the time themselves."""
        return await self._in_batches(storage.end_expired)

    async def delete_bodies(self) -> int:
        """Delete the texts that are due, in bulk; return how many."""
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
        """Empty ended entries of all but key, kind, reason and times; return how many.

        A guest's at once, a user's after `archive_retention`.
        """

        async def empty_users(session: Session, *, limit: int) -> int:
            return await storage.empty_ended_of_users(session, older_than=self._archive_retention, limit=limit)

        return await self._in_batches(storage.empty_ended_of_guests) + await self._in_batches(empty_users)

    async def sweep_orphans(self) -> int:
        """Delete texts that no row names and files of unfinished puts, if older than a day; return how many."""
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
