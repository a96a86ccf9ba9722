"""Writes visits to a stream of Redis, in batches, and buffers them while Redis takes none."""

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from contextvars import Context

from main_service.engines.redis import RedisClient, RedisUnavailableError
from main_service.monitoring import tracing
from main_service.monitoring.metrics import VISITS_DROPPED, VISITS_RECORDED, VISITS_WAITING
from main_service.visit_stream.pending import Batch, UnconfirmedBatch
from main_service.visit_stream.record import EncodedVisit

logger = logging.getLogger(__name__)

MAX_VISITS = 1000
"""Visits in a record, at most."""
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Bytes of the visits that wait in a process: headers may be long, so a number of visits alone bounds no memory."""
RETRY_SECONDS = 1.0
LAST_TRY_SECONDS = 2.0
"""How long the end of a process waits for all that is left to be added."""
TELL_EVERY_SECONDS = 60.0

UNCONFIRMED_SECONDS = 5.0
"""How long the visits of an unconfirmed batch are gathered before it is added."""


class VisitWriter:
    """Writes the visits of a process. Those of one moment share a record; the next forms while one is being added."""

    def __init__(self, redis: RedisClient, *, buffer: int, most_bytes: int = MAX_WAITING_BYTES) -> None:
        """`buffer`: how many visits are kept at most while Redis takes none, with at most `most_bytes` together."""
        self._redis = redis
        self._buffer = buffer
        self._most_bytes = most_bytes
        self._batches: deque[Batch] = deque()
        """Oldest first: the order in which they are added. Visits join the last."""
        self._sender: asyncio.Task[None] | None = None
        self._is_behind = False
        """Redis failed to take a batch, and has not yet taken all that has waited since."""
        self._unconfirmed: dict[UnconfirmedBatch, asyncio.TimerHandle] = {}
        self._closing = asyncio.Event()
        self._tell_at = 0.0
        self.waiting = 0
        """Visits that Redis is not known to have, those of unconfirmed batches included."""
        self.waiting_bytes = 0
        self.dropped = 0
        """Visits for which there was no room."""

    async def record(self, visit: EncodedVisit) -> None:
        """Return when Redis has the visit; at once while it takes none, and then the visit waits here or is dropped.

        Never raises. A cancelled request is still counted.
        """
        if self._is_behind and self.waiting >= self._buffer:
            self._drop(1)
            return
        if self._is_behind and self.waiting_bytes + len(visit) > self._most_bytes:
            self._drop(1)
            return
        batch = self._join(visit)
        if self._is_behind:
            self._tell_waiting()
        self._send_soon()
        if not self._is_behind:
            await batch.is_acknowledged.wait()

    def gather_unconfirmed(self, batch_id: str, connection_name: str) -> UnconfirmedBatch:
        """A batch of the fast path whose reply was lost, for its visits to be gathered again; it is added in 5 s.

        Its visitors are answered meanwhile, as while Redis takes no visits. `connection_name`: of where it was sent.
        """
        batch = UnconfirmedBatch(batch_id, connection_name, on_gathered=self._gathered)
        self._unconfirmed[batch] = asyncio.get_running_loop().call_later(UNCONFIRMED_SECONDS, self._retry, batch)
        return batch

    async def close(self) -> None:
        """Try once more to add what waits. Call it when no more visits come."""
        for batch in list(self._unconfirmed):
            self._retry(batch)
        self._closing.set()
        if (sender := self._sender) is not None:
            await asyncio.wait({sender}, timeout=LAST_TRY_SECONDS)
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)
        if self.waiting or self.dropped:
            logger.error("Visits lost by this process: %d dropped, %d still waiting", self.dropped, self.waiting)

    def _retry(self, batch: UnconfirmedBatch) -> None:
        """Queue an unconfirmed batch to be added; it is closed, so no other visits join it."""
        self._unconfirmed.pop(batch).cancel()
        batch.is_closed = True
        if not batch.visits:
            return
        self._batches.append(batch)
        if self._is_behind:
            self._make_room()
        self._send_soon()

    def _gathered(self, batch: UnconfirmedBatch) -> None:
        self.waiting += 1
        self.waiting_bytes += len(batch.visits[-1])
        if self._is_behind and self._is_over_room():
            self._drop_last_of(batch)
            self._drop(1)
        self._tell_waiting()

    def _send_soon(self) -> None:
        if self._sender is None:
            # A task of its own, because it also serves requests other than the one that starts it.
            self._sender = asyncio.create_task(self._send(), context=Context())

    def _join(self, visit: EncodedVisit) -> Batch:
        last = self._batches[-1] if self._batches else None
        if last is None or last.is_closed or len(last.visits) >= MAX_VISITS:
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
                    self._acknowledge_first()
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
            with tracing.shared("record visits", batch.origins):
                await self._redis.call(batch.add, bypass_breaker=self._closing.is_set())
        except RedisUnavailableError as error:
            self._fall_behind(error)
            return False
        except Exception as error:
            # Even after a bug, visitors must get their answer.
            logger.exception("Visits can't be added")
            self._fall_behind(error)
            return False
        return True

    def _acknowledge_first(self) -> None:
        batch = self._batches.popleft()
        self.waiting -= len(batch.visits)
        self.waiting_bytes -= batch.size_bytes
        VISITS_RECORDED.inc(len(batch.visits))
        batch.is_acknowledged.set()
        was_behind = self._is_behind
        # If a batch is left, it is the next to send, so record() has something to wait for again.
        self._is_behind = was_behind and len(self._batches) > 1
        if was_behind or isinstance(batch, UnconfirmedBatch):
            self._tell_waiting()
        if was_behind and not self._is_behind:
            logger.warning("Redis takes visits again; dropped so far: %d", self.dropped)

    def _fall_behind(self, error: Exception) -> None:
        """Stop waiting for Redis: let all callers continue, and buffer what there is room for."""
        if self._is_behind:
            return
        self._is_behind = True
        logger.warning("Redis takes no visits; they wait here: %s", error)
        for batch in self._batches:
            batch.is_acknowledged.set()
        self._make_room()

    def _make_room(self) -> None:
        """Drop the newest visits that are too many while Redis takes none."""
        waited = self.waiting
        for batch in reversed(self._batches):
            # If Redis has the whole batch after all, that record comes first in the stream, and counts.
            while batch.visits and self._is_over_room():
                self._drop_last_of(batch)
        self._drop(waited - self.waiting)
        while self._batches and not self._batches[-1].visits:
            self._batches.pop()
        self._is_behind = bool(self._batches)
        self._tell_waiting()

    def _is_over_room(self) -> bool:
        return self.waiting > self._buffer or self.waiting_bytes > self._most_bytes

    def _drop_last_of(self, batch: Batch) -> None:
        self.waiting_bytes -= batch.drop_last()
        self.waiting -= 1

    def _tell_waiting(self) -> None:
        """Export how many visits wait for longer than it takes to add them."""
        if self._is_behind:
            VISITS_WAITING.set(self.waiting)
            return
        unconfirmed = [each for each in (*self._unconfirmed, *self._batches) if isinstance(each, UnconfirmedBatch)]
        VISITS_WAITING.set(sum(len(batch.visits) for batch in unconfirmed))

    def _drop(self, count: int) -> None:
        self.dropped += count
        VISITS_DROPPED.inc(count)
        if count and time.monotonic() >= self._tell_at:
            self._tell_at = time.monotonic() + TELL_EVERY_SECONDS
            logger.warning("Visits were dropped: Redis takes none, and %d wait here already", self.waiting)
