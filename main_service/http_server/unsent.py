"""Answers that clients have not taken yet: how long one may wait, and how many bytes all may have."""

import logging
from asyncio import AbstractEventLoop, Transport
from collections import Counter
from collections.abc import Callable, Hashable, Iterator

from main_service.http_server.timing import Limit

logger = logging.getLogger(__name__)

STALL_SECONDS = 20
STALL_CHECK_SECONDS = 5
"""A client that takes nothing of its answer for `STALL_SECONDS` is disconnected; checked this often."""

BUDGET_BYTES = 256 * 1024 * 1024
"""How many bytes of answers may wait in a process, not counting what the system has taken to send."""

FRESH_BYTES = 1024 * 1024
"""Added to what a reader has taken when readers are compared, so that one that has just come is not the slowest."""

WARNING_SECONDS = 60


class UnsentAnswer:
    """The unsent rest of an answer, watched while nothing more can be written to the connection."""

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._began_at = 0.0
        self._whole_bytes = 0
        self._bytes = 0
        self._taken_at = 0.0

    def watch(self) -> float:
        """Start watching; return when to check first."""
        self._bytes = self._whole_bytes = self._transport.get_write_buffer_size()
        self._taken_at = self._began_at = self._loop.time()
        return self._taken_at + STALL_CHECK_SECONDS

    def pace(self) -> float:
        """How fast the client takes the answer, in bytes per second."""
        taken_bytes = self._whole_bytes - self._transport.get_write_buffer_size()
        return (FRESH_BYTES + taken_bytes) / (self._loop.time() - self._began_at + 0.001)

    def leave(self) -> None:
        """Cut off the answer."""
        # Not immediately: this may be called from within the transport.
        self._loop.call_soon(self._transport.abort)

    def limits(self) -> Iterator[Limit]:
        """The limits that hold now; none once the client has taken everything."""
        now = self._loop.time()
        unsent_bytes = self._transport.get_write_buffer_size()
        if unsent_bytes < self._bytes:
            self._taken_at = now
        self._bytes = unsent_bytes
        if unsent_bytes:
            yield self._taken_at + STALL_SECONDS, self._transport.abort
            # Only intermediate checks show whether the client is reading.
            yield now + STALL_CHECK_SECONDS, lambda: None


class UnsentAnswers:
    """All unsent answers of a process, within a budget.

    Beyond it, the client with most unsent bytes loses answers, the slowest first. An answer that alone is larger than
    the budget is sent. `now`: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float], *, budget_bytes: int = BUDGET_BYTES) -> None:
        self._now = now
        self._budget_bytes = budget_bytes
        self._held: dict[UnsentAnswer, tuple[Hashable, int]] = {}
        """The client of each answer, and its bytes."""
        self._of_clients: Counter[Hashable] = Counter()
        """How many bytes wait for each client."""
        self._warn_again_at = 0.0

    def hold(self, answer: UnsentAnswer, *, size_bytes: int, client: bytes | None) -> None:
        """Count an answer whose client has stopped reading; cut off others if the budget is exceeded.

        `client`: None if it can't be told from others, as behind a proxy; the answer then counts as a client.
        """
        self.release(answer)
        holder = client or answer
        self._held[answer] = holder, size_bytes
        self._of_clients[holder] += size_bytes
        while self._of_clients.total() > self._budget_bytes and len(self._held) > 1:
            (heaviest, _), *_ = self._of_clients.most_common(1)
            slowest = min((it for it, (of, _) in self._held.items() if of == heaviest), key=lambda it: it.pace())
            self.release(slowest)
            slowest.leave()
            self._warn()

    def release(self, answer: UnsentAnswer) -> None:
        """Stop counting an answer that its client has taken, or whose client is gone."""
        if answer in self._held:
            holder, size_bytes = self._held.pop(answer)
            self._of_clients[holder] -= size_bytes
            if not self._of_clients[holder]:
                del self._of_clients[holder]

    def _warn(self) -> None:
        if self._now() >= self._warn_again_at:
            self._warn_again_at = self._now() + WARNING_SECONDS
            logger.warning(
                "More than %s MiB of answers wait for their readers: clients that hold most are left",
                self._budget_bytes >> 20,
            )
