"""What follows the commit of a change, before the answer: Redis learns of it, and texts that nobody may read go."""

import logging
from collections.abc import Sequence
from uuid import UUID

from main_service.bodies import BodyStore
from main_service.careful_redis import RedisAwayError
from main_service.database import Session
from main_service.entries import storage
from main_service.entries.copies import Copies
from main_service.errors import UnavailableError

logger = logging.getLogger(__name__)


class Aftermath:
    """Of one request. What fails here is left to the worker, which finds it in PostgreSQL."""

    def __init__(self, *, session: Session, copies: Copies, bodies: BodyStore) -> None:
        self._session = session
        self._copies = copies
        self._bodies = bodies

    def bury(self, keys: Sequence[str]) -> None:
        """Once the transaction is committed, let no reader see what these entries were."""
        if keys:
            self._session.after_commit(lambda: self._bury(keys))

    def delete_bodies(self, body_ids: Sequence[UUID]) -> None:
        """Once the transaction is committed, delete queued texts without waiting for the worker."""
        if body_ids:
            self._session.after_commit(lambda: self._delete_bodies(body_ids))

    async def _bury(self, keys: Sequence[str]) -> None:
        try:
            await self._copies.bury(keys)
        except RedisAwayError as error:
            logger.warning("Redis did not learn of a change; it will within 10 s of its return: %s", error)

    async def _delete_bodies(self, body_ids: Sequence[UUID]) -> None:
        try:
            await self._bodies.delete(body_ids)
            await storage.note_deleted_bodies(self._session, body_ids)
            await self._session.commit()
        except UnavailableError as error:
            logger.warning("Deleted texts are left for the worker: %r", error.__cause__)
