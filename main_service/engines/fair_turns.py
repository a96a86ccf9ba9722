"""Turns at something scarce, shared fairly: waiting clients are served in rotation, however many turns each wants."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable


class QueueFullError(Exception):
    """The client already has as many requests waiting as one client may have."""


class FairTurns:
    """At most `count` turns at a time, given to clients in rotation.

    Each client has a queue of its own, and each queue in turn gives its first. So a client that wants one turn waits
    for at most one of every other client, not for all that they want.
    """

    def __init__(self, count: int, *, longest_queue: int) -> None:
        """`longest_queue`: how many requests of one client may wait."""
        self._free = count
        self._longest_queue = longest_queue
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    async def acquire(self, client: Hashable) -> None:
        """Wait for a turn, which `release` ends.

        `client`: None for clients that can't be told apart; their queue may have any length.

        Raises:
            QueueFullError: too many requests of the client wait; raised at once.
        """
        if self._free and not self._queues:
            self._free -= 1
            return
        queue = self._queues.get(client, deque())
        if client is not None and len(queue) >= self._longest_queue:
            raise QueueFullError
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self._queues[client] = queue
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn was given at the moment its client gave up waiting.
                self.release()
            else:
                self._leave(client, turn)
            raise

    def release(self) -> None:
        """End a turn; the next one in rotation begins."""
        self._free += 1
        while self._free and self._queues:
            client, queue = next(iter(self._queues.items()))
            turn = queue.popleft()
            if queue:
                self._queues.move_to_end(client)
            else:
                del self._queues[client]
            if not turn.done():
                self._free -= 1
                turn.set_result(None)

    def _leave(self, client: Hashable, turn: "asyncio.Future[None]") -> None:
        queue = self._queues.get(client)
        if queue is not None and turn in queue:
            queue.remove(turn)
            if not queue:
                del self._queues[client]
