"""Turns at something scarce, shared fairly: clients that wait are served one after another, however much each asks."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable


class QueueFullError(Exception):
    """The client has as many waiting as one may have."""


class FairTurns:
    """At most `count` turns at a time.

    Those who wait stand in a queue for each client, of which each in a circle gives its first; so a client that asks
    for one turn waits for one of each other client at most, not for all that they want.
    """

    def __init__(self, count: int, *, longest_queue: int) -> None:
        """`longest_queue`: of one client."""
        self._free = count
        self._longest_queue = longest_queue
        self._queues: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    async def acquire(self, client: Hashable) -> None:
        """Wait for a turn, which `release` ends.

        `client`: None for those that can't be told apart; their queue may be of any length.

        Raises:
            QueueFullError: at once.
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
                # It was given in the moment in which its client gave up.
                self.release()
            else:
                self._leave(client, turn)
            raise

    def release(self) -> None:
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
