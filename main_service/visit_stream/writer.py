"""Visits on their way to PostgreSQL: added to a stream of Redis in batches, and kept here while it takes none."""

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress

from main_service.engines.redis import RedisClient, RedisUnavailableError
from main_service.monitoring.metrics import VISITS_DROPPED, VISITS_RECORDED, VISITS_WAITING
from main_service.visit_stream.batches import Batch, UnconfirmedBatch
from main_service.visit_stream.record import EncodedVisit

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


class VisitLog:
    """One per process. Visits of one moment share a record, and the next record forms while one is being added."""

    def __init__(self, redis: RedisClient, *, buffer: int, most_bytes: int = MOST_WAITING_BYTES) -> None:
        """`buffer`: visits that are kept at most while Redis takes none, and `most_bytes` of them."""
        self._redis = redis
        self._buffer = buffer
        self._most_bytes = most_bytes
        self._batches: deque[Batch] = deque()
        """Oldest first: the order in which they are added. Visits join the last."""
        self._sender: asyncio.Task[None] | None = None
        self._is_behind = False
        """Redis has failed to take a batch, and not yet taken all that has waited since."""
        self._held: dict[UnconfirmedBatch, asyncio.TimerHandle] = {}
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

    def hold(self, batch_id: str, connection_name: str) -> UnconfirmedBatch:
        """Gather the visits of a batch that the fast path sent on this connection and Redis may have; add them later.

        Until then nobody waits for them: they are answered as while Redis takes no visits.
        """
        batch = UnconfirmedBatch(batch_id, connection_name)
        self._held[batch] = asyncio.get_running_loop().call_later(HOLD_SECONDS, self._release, batch)
        return batch

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

    def _release(self, batch: UnconfirmedBatch) -> None:
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

    def _join(self, visit: EncodedVisit) -> Batch:
        last = self._batches[-1] if self._batches else None
        if last is None or last.is_closed or len(last.visits) >= LARGEST_BATCH:
            last = Batch()
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

    async def _add(self, batch: Batch) -> bool:
        """Whether Redis has the batch now; if not, it may have it all the same."""
        batch.is_closed = True
        try:
            await self._redis.call(batch.add, bypass_breaker=self._closing.is_set())
        except RedisUnavailableError as error:
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
                self.waiting_bytes -= batch.drop_last()
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
