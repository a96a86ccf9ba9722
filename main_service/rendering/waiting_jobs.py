"""The queue of the renderer: bounded, short jobs first, equal jobs only once."""

import asyncio
from collections.abc import Callable, Hashable
from itertools import count

from main_service.rendering.errors import NotRenderedError
from main_service.rendering.job import Job, Rendered

MAX_WAITING = 32
MAX_WAITING_BYTES = 16 * 1024 * 1024
"""The most bytes of waiting texts. A single job that is longer is never done."""

Keep = Callable[[Rendered], None]


class Flight:
    """A queued or running job, and the callers that wait for its result."""

    def __init__(self, job: Job, place: tuple[int, int]) -> None:
        self.job = job
        self.place = place
        """The lower one is done first."""
        self.result: asyncio.Future[Rendered] = asyncio.get_running_loop().create_future()
        self.keepers: list[Keep] = []
        # Perhaps no caller is waiting any more.
        self.result.add_done_callback(lambda result: result.cancelled() or result.exception())

    def is_short(self, most_bytes: int) -> bool:
        """Whether its text has at most so many bytes."""
        return len(self.job.text) <= most_bytes

    def succeed(self, rendered: Rendered) -> None:
        for keep in self.keepers:
            keep(rendered)
        if not self.result.done():
            self.result.set_result(rendered)

    def fail(self, error: NotRenderedError) -> None:
        if not self.result.done():
            self.result.set_exception(error)


class WaitingJobs:
    """A bounded queue of jobs, with the one that is being done."""

    def __init__(self, most: int = MAX_WAITING, most_bytes: int = MAX_WAITING_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._flights: dict[Hashable, Flight] = {}
        """The waiting jobs and the running one, by identity."""
        self._waiting: list[Flight] = []
        self._bytes = 0
        self._numbers = count()
        self._is_there = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, job: Job) -> Flight:
        """The flight of this job, or of an equal one that waits or is being done.

        Raises:
            NotRenderedError: there is no room, and none waits that is longer.
        """
        flight = self._flights.get(job.identity)
        if flight is not None:
            return flight
        # Jobs of about the same length take turns.
        flight = Flight(job, (len(job.text).bit_length(), next(self._numbers)))
        self._make_room(flight)
        self._flights[job.identity] = flight
        self._waiting.append(flight)
        self._bytes += len(job.text)
        self._is_there.set()
        return flight

    async def take(self) -> Flight:
        """The next to be done, once there is one. It counts as being done until `end`."""
        while not self._waiting:
            self._is_there.clear()
            await self._is_there.wait()
        flight = min(self._waiting, key=lambda each: each.place)
        self._remove(flight)
        return flight

    def has_short(self, most_bytes: int) -> bool:
        """Whether a short job waits."""
        return any(each.is_short(most_bytes) for each in self._waiting)

    def take_short(self, most_bytes: int) -> Flight:
        """The next of the short jobs that wait. It counts as being done until `end`."""
        flight = min((each for each in self._waiting if each.is_short(most_bytes)), key=lambda each: each.place)
        self._remove(flight)
        return flight

    def end(self, flight: Flight) -> None:
        """Forget the job: an equal one that comes later is done again."""
        self._flights.pop(flight.job.identity, None)

    def bytes_before(self, flight: Flight) -> int:
        """How many bytes of text come before this job, not counting the running one."""
        return sum(len(each.job.text) for each in self._waiting if each.place < flight.place)

    def fail_all(self, error: NotRenderedError) -> None:
        """Fail all waiting jobs."""
        for flight in list(self._waiting):
            self._drop(flight, error)

    def _make_room(self, flight: Flight) -> None:
        size = len(flight.job.text)
        while len(self._waiting) >= self._most or self._bytes + size > self._most_bytes:
            last = max(self._waiting, key=lambda each: each.place, default=None)
            if last is None or last.place < flight.place:
                raise NotRenderedError("too much waits")
            self._drop(last, NotRenderedError("shorter jobs took its place"))

    def _drop(self, flight: Flight, error: NotRenderedError) -> None:
        self._remove(flight)
        self.end(flight)
        flight.fail(error)

    def _remove(self, flight: Flight) -> None:
        self._waiting.remove(flight)
        self._bytes -= len(flight.job.text)
