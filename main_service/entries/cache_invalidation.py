"""Post-commit invalidation of the cache: before the answer, and again in case Redis was away or crashed.

Replaying also adds keys that a create could not add to the membership filter. After the same commits, texts that were
replaced or deleted are removed from the object store.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from main_service.engines.postgres import Session
from main_service.engines.redis import RedisUnavailableError
from main_service.engines.texts import BodyStore
from main_service.entries import storage
from main_service.entries.cache import EntryCache
from main_service.errors import UnavailableError
from main_service.keys.key_filter import KeyFilter

logger = logging.getLogger(__name__)


class PostCommitInvalidation:
    """What must follow the commit of one request. What fails is left to the worker, which finds it in PostgreSQL."""

    def __init__(self, *, session: Session, cache: EntryCache, bodies: BodyStore) -> None:
        self._session = session
        self._cache = cache
        self._bodies = bodies

    def invalidate(self, keys: Sequence[str]) -> None:
        """Once the transaction is committed, write tombstones, so that no reader sees what these entries were."""
        if keys:
            self._session.after_commit(lambda: self._invalidate(keys))

    def delete_bodies(self, body_ids: Sequence[UUID]) -> None:
        """Once the transaction is committed, delete queued texts rather than wait for the worker."""
        if body_ids:
            self._session.after_commit(lambda: self._delete_bodies(body_ids))

    async def _invalidate(self, keys: Sequence[str]) -> None:
        try:
            await self._cache.invalidate(keys)
        except RedisUnavailableError as error:
            logger.warning("Redis did not learn of a change; it will within 10 s of its return: %s", error)

    async def _delete_bodies(self, body_ids: Sequence[UUID]) -> None:
        try:
            await self._bodies.delete(body_ids)
            await storage.note_deleted_bodies(self._session, body_ids)
            await self._session.commit()
        except UnavailableError as error:
            logger.warning("Deleted texts are left for the worker: %r", error.__cause__)


INVALIDATIONS_PER_BATCH = 1_000
SAFE_AFTER = timedelta(seconds=5)
"""How old a tombstone must be to be surely on Redis' disk, which it syncs every second. Until then it is written
again."""


async def replay_invalidations(session: Session, cache: EntryCache, key_filter: KeyFilter) -> int:
    """Write the tombstones of the invalidation outbox, all changes that Redis may not have. Commits batch by batch.

    Returns how many were written.

    Raises:
        RedisUnavailableError: Redis is away; what is left is done by a later run.
    """
    replayed = 0
    last_id = 0
    while pending := await storage.list_invalidations(session, after_id=last_id, limit=INVALIDATIONS_PER_BATCH):
        last_id = pending[-1].id
        keys = [each.key for each in pending]
        await cache.invalidate(keys)
        await key_filter.add(keys)
        await storage.acknowledge_invalidations(session, pending, grace=SAFE_AFTER)
        await session.commit()
        replayed += len(pending)
    return replayed
