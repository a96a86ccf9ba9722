"""Batches of new entries: those that are created at the same time share one INSERT and one commit.

Group commit (DeWitt et al., 1984), as in `fast_path.batch`: while one batch is inserted, the next one gathers.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.postgres import Session
from main_service.engines.redis import RedisUnavailableError
from main_service.entries import storage
from main_service.entries.entry import LiveEntry
from main_service.errors import DatabaseUnavailableError
from main_service.keys.key_filter import KeyFilter
from main_service.monitoring import tracing

logger = logging.getLogger(__name__)

LARGEST_BATCH = 200


@dataclass(frozen=True, eq=False)
class _Waiting:
    entry: LiveEntry
    origin: tracing.Origin = field(default_factory=tracing.origin)
    is_made: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def settle(self, outcome: bool | Exception) -> None:
        """Pass on the outcome, unless the request that waited for it was cancelled."""
        if self.is_made.done():
            return
        if isinstance(outcome, Exception):
            self.is_made.set_exception(outcome)
        else:
            self.is_made.set_result(outcome)


class InsertBatcher:
    """Inserts entries in batches. One per process."""

    def __init__(self, sessions: async_sessionmaker[Session], key_filter: KeyFilter) -> None:
        self._sessions = sessions
        self._key_filter = key_filter
        self._waiting: deque[_Waiting] = deque()
        self._inserter: asyncio.Task[None] | None = None

    async def insert(self, entry: LiveEntry) -> bool:
        """Insert an entry and return once it is committed; False, with nothing changed: its key is or was in use.

        Raises:
            TokenInvalidError: the owner's account has just been deleted.
            DatabaseUnavailableError: PostgreSQL is away; whether the row was inserted may be unknown.
        """
        waiting = _Waiting(entry)
        self._waiting.append(waiting)
        if self._inserter is None:
            # A task of its own, because it also serves requests other than the one that starts it.
            self._inserter = asyncio.create_task(self._insert_all(), context=Context())
        return await waiting.is_made

    async def make_known(self, keys: Sequence[str]) -> bool:
        """Add keys to the membership filter before their rows can be seen. False: Redis is away.

        Otherwise readers would be told that the keys were never used.
        """
        try:
            await self._key_filter.add(keys)
        except RedisUnavailableError as error:
            logger.debug("New keys are not known to Redis; they will be within 10 s of its return: %s", error)
            return False
        return True

    async def _insert_all(self) -> None:
        """Insert batch after batch until none waits."""
        try:
            while self._waiting:
                batch = self._next_batch()
                try:
                    with tracing.shared("insert entries", [waiting.origin for waiting in batch]):
                        await self._insert(batch)
                except DatabaseUnavailableError as error:
                    # All others have waited as long already, and would fail too.
                    self._fail([*batch, *self._waiting], error)
                    self._waiting.clear()
        finally:
            self._inserter = None

    def _next_batch(self) -> list[_Waiting]:
        """A batch with each key once: of two entries with the same key, the later one waits for the next batch."""
        batch: dict[str, _Waiting] = {}
        postponed: list[_Waiting] = []
        while self._waiting and len(batch) < LARGEST_BATCH:
            waiting = self._waiting.popleft()
            if waiting.entry.key in batch:
                postponed.append(waiting)
            else:
                batch[waiting.entry.key] = waiting
        self._waiting.extendleft(reversed(postponed))
        return list(batch.values())

    async def _insert(self, batch: list[_Waiting]) -> None:
        """Insert a batch together or, if that fails, each entry alone.

        Raises:
            DatabaseUnavailableError: the first time that PostgreSQL is found away, so no row waits for it once more.
        """
        try:
            await self._insert_together(batch)
        except DatabaseUnavailableError:
            raise
        except Exception:
            # One of them may be at fault, which must not fail the others.
            for waiting in batch:
                await self._insert_alone(waiting)

    async def _insert_together(self, batch: list[_Waiting]) -> None:
        is_known = await self.make_known([waiting.entry.key for waiting in batch])
        async with self._sessions() as session:
            made = await storage.create_all(session, [waiting.entry for waiting in batch], must_invalidate=not is_known)
            await session.commit()
        for waiting in batch:
            waiting.settle(waiting.entry.key in made)

    async def _insert_alone(self, waiting: _Waiting) -> None:
        try:
            await self._insert_together([waiting])
        except DatabaseUnavailableError:
            raise
        except Exception as error:
            waiting.settle(error)

    def _fail(self, all_waiting: list[_Waiting], error: DatabaseUnavailableError) -> None:
        for waiting in all_waiting:
            # A separate exception for each: one that is raised several times would collect all their tracebacks.
            own = DatabaseUnavailableError()
            own.__cause__ = error.__cause__
            waiting.settle(own)
