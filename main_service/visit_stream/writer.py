"""Visits on their way to PostgreSQL: added to a stream of Redis in batches, and kept here while it takes none."""

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from uuid import uuid4

from redis.asyncio import Redis

from main_service.engines.redis import RedisAwayError, RedisClient
from main_service.monitoring.metrics import VISITS_DROPPED, VISITS_RECORDED, VISITS_WAITING
from main_service.visit_stream.record import STREAM, EncodedVisit, write_batch

logger = logging.getLogger(__name__)

LARGEST_BATCH = 1000
"""Visits in a record."""
MOST_WAITING_BYTES = 64 * 1024 * 1024
"""Of visits in one process while Redis takes none: headers may be long, so their number alone bounds no memory."""
RETRY_SECONDS = 1.0
LAST_TRY_SECONDS = 2.0
"""For all that waits when the process ends."""
TELL_EVERY_SECONDS = 60.0

HOLD_SECONDS = 5.0
"""How long visits are gathered again that Redis may have or not."""


class _Batch:
    """Visits that are one record of the stream. Its id tells those who read it that it came twice."""

    def __init__(self, batch_id: str | None = None) -> None:
        self.id = batch_id or str(uuid4())
        self.visits: list[bytes] = []
        self.size_bytes = 0
        """Of the visits."""
        self.is_closed = False
        """It may be in the stream already, so nothing joins it."""
        self.is_settled = asyncio.Event()
        """Redis has it, or nobody waits for that any more."""

    def append(self, visit: bytes) -> None:
        self.visits.append(visit)
        self.size_bytes += len(visit)


class HeldBatch:
    """Visits of a batch that Redis may have: who wrote it heard no answer. They are gathered again, under its id."""

    def __init__(self, batch: _Batch) -> None:
        self._batch = batch

    def add(self, visit: EncodedVisit) -> bool:
        """False if it comes too late, and must be recorded by itself."""
        if self._batch.is_closed:
            return False
        self._batch.append(visit)
        return True


class VisitLog:
    """One per process. Visits of one moment share a record, and the next record forms while one is being added."""

    def __init__(self, redis: RedisClient, *, buffer: int, most_bytes: int = MOST_WAITING_BYTES) -> None:
        """`buffer`: visits that are kept at most while Redis takes none, and `most_bytes` of them."""
        self._redis = redis
        self._buffer = buffer
        self._most_bytes = most_bytes
        self._batches: deque[_Batch] = deque()
        """Oldest first: the order in which they are added. Visits join the last."""
        self._sender: asyncio.Task[None] | None = None
        self._is_behind = False
        """Redis has failed to take a batch, and not yet taken all that has waited since."""
        self._held: dict[_Batch, asyncio.TimerHandle] = {}
        self._closing = asyncio.Event()
        self._tell_at = 0.0
        self.waiting = 0
        """Visits that Redis is not known to have."""
        self.waiting_bytes = 0
        self.dropped = 0
        """Visits for which there was no room."""

    async def record(self, visit: EncodedVisit) -> None:
        """Return when Redis has the visit; at once while it takes none, and then the visit waits here or is dropped.

        Never raises. Who is cancelled while waiting is counted all the same.
        """
        if self._is_behind and self.waiting >= self._buffer:
            self._drop(1)
            return
        if self._is_behind and self.waiting_bytes + len(visit) > self._most_bytes:
            self._drop(1)
            return
        batch = self._join(visit)
        if self._is_behind:
            VISITS_WAITING.set(self.waiting)
        self._send_soon()
        if not self._is_behind:
            await batch.is_settled.wait()

    def hold(self, batch_id: str) -> HeldBatch:
        """Gather the visits of a batch of somebody else's that Redis may have, and add them under its id in a moment.

        Until then nobody waits for them: they are answered as while Redis takes no visits.
        """
        batch = _Batch(batch_id)
        self._held[batch] = asyncio.get_running_loop().call_later(HOLD_SECONDS, self._release, batch)
        return HeldBatch(batch)

    async def close(self) -> None:
        """Try once more to add what waits. Call it when no more visits come."""
        for batch in list(self._held):
            self._release(batch)
        self._closing.set()
        if (sender := self._sender) is not None:
            await asyncio.wait({sender}, timeout=LAST_TRY_SECONDS)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
        if self.waiting or self.dropped:
            logger.error("Visits lost by this process: %d dropped, %d still waiting", self.dropped, self.waiting)

    def _release(self, batch: _Batch) -> None:
        """Add a batch that was held; it goes last, so that no visits join it."""
        self._held.pop(batch).cancel()
        batch.is_closed = True
        if not batch.visits:
            return
        self._batches.append(batch)
        self.waiting += len(batch.visits)
        self.waiting_bytes += batch.size_bytes
        if self._is_behind:
            self._make_room()
        self._send_soon()

    def _send_soon(self) -> None:
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    def _join(self, visit: bytes) -> _Batch:
        last = self._batches[-1] if self._batches else None
        if last is None or last.is_closed or len(last.visits) >= LARGEST_BATCH:
            last = _Batch()
            self._batches.append(last)
        last.append(visit)
        self.waiting += 1
        self.waiting_bytes += len(visit)
        return last

    async def _send(self) -> None:
        """Add all batches, one after the other; runs only while there are some."""
        try:
            while self._batches:
                if await self._add(self._batches[0]):
                    self._settle_first()
                    continue
                if self._closing.is_set() or not self._batches:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_SECONDS):
                        await self._closing.wait()
        finally:
            self._sender = None

    async def _add(self, batch: _Batch) -> bool:
        """Whether Redis has the batch now; if not, it may have it all the same."""
        batch.is_closed = True
        record = write_batch(batch.id, batch.visits)

        async def add(redis: Redis) -> None:
            await redis.xadd(STREAM, record)

        try:
            await self._redis.call(add, bypass_breaker=self._closing.is_set())
        except RedisAwayError as error:
            self._fall_behind(error)
            return False
        except Exception as error:
            # A bug. Who waits is answered all the same.
            logger.exception("Visits can't be added")
            self._fall_behind(error)
            return False
        return True

    def _settle_first(self) -> None:
        batch = self._batches.popleft()
        self.waiting -= len(batch.visits)
        self.waiting_bytes -= batch.size_bytes
        VISITS_RECORDED.inc(len(batch.visits))
        batch.is_settled.set()
        if self._is_behind:
            VISITS_WAITING.set(self.waiting)
        if self._is_behind and len(self._batches) <= 1:
            # The one that is left is next, so there is something to wait for again.
            self._is_behind = False
            VISITS_WAITING.set(0)
            logger.warning("Redis takes visits again; dropped so far: %d", self.dropped)

    def _fall_behind(self, error: Exception) -> None:
        """Let nobody wait, and keep what there is room for."""
        if self._is_behind:
            return
        self._is_behind = True
        logger.warning("Redis takes no visits; they wait here: %s", error)
        for batch in self._batches:
            batch.is_settled.set()
        self._make_room()

    def _make_room(self) -> None:
        """Drop the newest of what is too much, while Redis takes none."""
        waited = self.waiting
        for batch in reversed(self._batches):
            # If Redis has the whole batch nevertheless, that comes first in the stream, and counts.
            while batch.visits and (self.waiting > self._buffer or self.waiting_bytes > self._most_bytes):
                size_bytes = len(batch.visits.pop())
                batch.size_bytes -= size_bytes
                self.waiting_bytes -= size_bytes
                self.waiting -= 1
        self._drop(waited - self.waiting)
        while self._batches and not self._batches[-1].visits:
            self._batches.pop()
        self._is_behind = bool(self._batches)
        VISITS_WAITING.set(self.waiting)

    def _drop(self, count: int) -> None:
        self.dropped += count
        VISITS_DROPPED.inc(count)
        if count and time.monotonic() >= self._tell_at:
            self._tell_at = time.monotonic() + TELL_EVERY_SECONDS
            logger.warning("Visits were dropped: Redis takes none, and %d wait here already", self.waiting)
