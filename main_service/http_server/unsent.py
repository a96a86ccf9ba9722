"""Answers that clients have not taken yet: how long one may lie here, and how many bytes of all."""

import logging
from asyncio import AbstractEventLoop, Transport
from collections import Counter
from collections.abc import Callable, Hashable, Iterator

from main_service.http_server.timing import Limit

logger = logging.getLogger(__name__)

STALL_SECONDS = 20
STALL_CHECK_SECONDS = 5
"""A client that takes nothing of its answer for 20 s, looked at every 5 s, is left."""

BUDGET_BYTES = 256 * 1024 * 1024
"""Of all answers in a process that wait for their readers. What the system has taken to send is not counted."""

FRESH_BYTES = 1024 * 1024
"""A reader counts as if it had taken so much more than it did, so that one who has just come is not the slowest."""

WARNING_SECONDS = 60


class UnsentAnswer:
    """What the client has not taken yet of an answer, watched while nothing can be added to it."""

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._began_at = 0.0
        self._whole_bytes = 0
        self._bytes = 0
        self._taken_at = 0.0

    def watch(self) -> float:
        """Begin anew; return when to look first."""
        self._bytes = self._whole_bytes = self._transport.get_write_buffer_size()
        self._taken_at = self._began_at = self._loop.time()
        return self._taken_at + STALL_CHECK_SECONDS

    def pace(self) -> float:
        """How fast it is taken, in bytes per second."""
        taken_bytes = self._whole_bytes - self._transport.get_write_buffer_size()
        return (FRESH_BYTES + taken_bytes) / (self._loop.time() - self._began_at + 0.001)

    def leave(self) -> None:
        """Break the answer off."""
        # Not at once: it may be at the transport that this is decided.
        self._loop.call_soon(self._transport.abort)

    def limits(self) -> Iterator[Limit]:
        """None if there is nothing left."""
        now = self._loop.time()
        unsent_bytes = self._transport.get_write_buffer_size()
        if unsent_bytes < self._bytes:
            self._taken_at = now
        self._bytes = unsent_bytes
        if unsent_bytes:
            yield self._taken_at + STALL_SECONDS, self._transport.abort
            # Only a look in between tells that the client takes something.
            yield now + STALL_CHECK_SECONDS, lambda: None


class UnsentAnswers:
    """All of a process, within a budget: beyond it the client that holds most is left, its slowest reader first.

    An answer that is larger than the budget is sent if it is alone. `now`: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float], *, budget_bytes: int = BUDGET_BYTES) -> None:
        self._now = now
        self._budget_bytes = budget_bytes
        self._held: dict[UnsentAnswer, tuple[Hashable, int]] = {}
        """The client that each answer is held for, and its bytes."""
        self._of_clients: Counter[Hashable] = Counter()
        """Bytes that are held for each client."""
        self._warn_again_at = 0.0

    def hold(self, answer: UnsentAnswer, *, size_bytes: int, client: bytes | None) -> None:
        """Count what lies here for a reader who takes no more at the moment.

        `client`: None if the reader can't be told from others, as behind a proxy. It is then a client of its own.
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
        """Its reader has taken it, or is gone."""
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
