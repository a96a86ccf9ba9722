"""The renderer of a web process: does jobs one at a time in a child, which it starts again whenever it ends.

While a long job is being done, short ones that wait are done in a second child, which ends when it is idle.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from main_service.monitoring.metrics import RENDER_DURATION, RENDER_ENDS, RENDER_JOBS, RENDER_STARTS, RENDER_WAITING
from main_service.rendering.child import COMMAND, Child, ChildEndedError, Limits
from main_service.rendering.child_slot import ChildSlot
from main_service.rendering.errors import NotRenderedError
from main_service.rendering.failures import Failures
from main_service.rendering.job import Job, Rendered
from main_service.rendering.waiting_jobs import Flight, Keep, WaitingJobs

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 1.0
"""How long a reader waits for colours; after that, the plain page is better."""
FIRST_PAUSE_SECONDS = 0.1
"""The pause before a child that could not start is started again; doubled each time."""
LONGEST_PAUSE_SECONDS = 30.0
SLOW_REMEMBERED_SECONDS = 600.0
"""How long a job is refused that took longer than readers wait and whose result isn't kept: clients could repeat it."""
HURRY_SECONDS = 0.2
"""How long a job may take before waiting short ones are done in the second child."""
SHORT_BYTES = 256 * 1024
"""The longest text that is rendered beside a longer one, in bytes."""
SECOND_MEMORY_BYTES = 256 * 1024 * 1024
"""Address space of the second child."""
IDLE_SECONDS = 10.0
"""How long the second child waits for another job."""
_FIRST_PACE = 2e-6
"""The assumed seconds per byte of text, until a job has been measured."""
_START_SECONDS = 0.3
"""How long a child usually needs to start."""


class Renderer:
    """Does jobs, and fails at once where it can't."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        waiting: WaitingJobs | None = None,
        command: Sequence[str] = COMMAND,
        slow_seconds: float = PATIENCE_SECONDS,
        hurry_seconds: float = HURRY_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """`slow_seconds`: how long a job may take of which nothing is kept, to be done again at the next reading."""
        self._limits = limits or Limits()
        self._command = command
        self._waiting = WaitingJobs() if waiting is None else waiting
        self._slow_seconds = slow_seconds
        self._failures = Failures()
        self._slow = Failures(SLOW_REMEMBERED_SECONDS)
        """Jobs that took too long for their readers, and of which nothing was kept."""
        self._pace = _FIRST_PACE
        self._hurry_seconds = hurry_seconds
        self._idle_seconds = idle_seconds
        self._second_limits = replace(self._limits, memory_bytes=SECOND_MEMORY_BYTES)
        self._first, self._second = ChildSlot(), ChildSlot()
        self._is_help_wanted = asyncio.Event()
        """Set when a short job has begun to wait for a long one."""
        self._failed_starts = 0

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        return self._first.pid

    @property
    def second_pid(self) -> int | None:
        """The second child's process id; None while there is none."""
        return self._second.pid

    @property
    def is_working(self) -> bool:
        """Whether the first child does a job."""
        return self._first.flight is not None

    @property
    def warning(self) -> str | None:
        """What the operator should know; None: all is well."""
        if self._failed_starts < 2:
            return None
        return (
            "The renderer doesn't start, so pastes are shown without colours. "
            "`python -m main_service.rendering 0 < /dev/null` says why."
        )

    async def render(
        self, job: Job, *, patience: float | None = PATIENCE_SECONDS, keep: Keep | None = None
    ) -> Rendered:
        """Do a job, or one that is equal to it and already on its way.

        `patience`: how long to wait, in seconds; None: until it is done. The job goes on. `keep` gets what comes of it,
        also when it comes later than that.

        Raises:
            NotRenderedError: it failed or takes too long; the text is to be shown plain.
        """
        if job.task in self._failures:
            raise NotRenderedError("it failed before", is_lasting=True)
        if keep is None and patience is not None and job.task in self._slow:
            raise NotRenderedError("it took too long before")
        if self._failed_starts:
            raise NotRenderedError("the renderer doesn't start")
        try:
            flight = self._waiting.add(job)
        except NotRenderedError:
            RENDER_JOBS.labels("refused").inc()
            raise
        RENDER_WAITING.set(len(self._waiting))
        if keep is not None:
            flight.keepers.append(keep)
        self._want_help()
        if patience is not None and self._wait_before(flight) > patience:
            raise NotRenderedError("it would take too long")
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(flight.result)
        except TimeoutError as error:
            raise NotRenderedError("it takes too long") from error

    def _wait_before(self, flight: Flight) -> float:
        """How long it will take until this is being done, in seconds."""
        if flight in (self._first.flight, self._second.flight):
            return 0
        before = self._waiting.bytes_before(flight) * self._pace
        wait = self._first.seconds_left(self._pace)
        if flight.is_short(SHORT_BYTES):
            start = (
                self._hurry_seconds + _START_SECONDS
                if self._second.pid is None
                else self._second.seconds_left(self._pace)
            )
            wait = min(wait, start)
        return wait + before

    def _want_help(self) -> None:
        """Start the second child for short jobs if the first has been busy for long."""
        if self._first.elapsed >= self._hurry_seconds and self._waiting.has_short(SHORT_BYTES):
            self._is_help_wanted.set()

    async def run(self) -> None:
        """Do jobs until this is cancelled."""
        helping = asyncio.create_task(self._help())
        try:
            await self._work()
        finally:
            helping.cancel()
            with suppress(asyncio.CancelledError):
                await helping

    async def _work(self) -> None:
        """Do all jobs, in one child after another."""
        while True:
            try:
                async with await Child.start(self._limits, self._command) as child:
                    RENDER_STARTS.inc()
                    self._failed_starts = 0
                    await self._use(child, self._first, self._waiting.take)
            except ChildEndedError as error:
                RENDER_ENDS.inc()
                self._failed_starts += 1
                pause = min(FIRST_PAUSE_SECONDS * 2 ** (self._failed_starts - 1), LONGEST_PAUSE_SECONDS)
                logger.error("The renderer can't be started (%s); again in %g s", error, pause)
                self._waiting.fail_all(NotRenderedError("the renderer doesn't start"))
                await asyncio.sleep(pause)

    async def _help(self) -> None:
        """Do short jobs beside a long one, in a child that is started for them and ended when there are no more."""
        while True:
            await self._is_help_wanted.wait()
            try:
                async with await Child.start(self._second_limits, self._command) as child:
                    RENDER_STARTS.inc()
                    await self._use(child, self._second, self._take_short)
            except TimeoutError:
                continue
            except ChildEndedError as error:
                logger.warning("The second renderer can't be started (%s)", error)
                await asyncio.sleep(LONGEST_PAUSE_SECONDS)

    async def _take_short(self) -> Flight:
        """The next short job, as soon as one has to wait for a long one.

        Raises:
            TimeoutError: there is none for so long that the child is not worth its memory.
        """
        async with asyncio.timeout(self._idle_seconds):
            while True:
                self._is_help_wanted.clear()
                self._want_help()
                if self._is_help_wanted.is_set():
                    return self._waiting.take_short(SHORT_BYTES)
                await self._is_help_wanted.wait()

    async def _use(self, child: Child, slot: ChildSlot, take: Callable[[], Awaitable[Flight]]) -> None:
        """Give the child jobs until it ends. `take`: waits for the next one."""
        slot.pid = child.pid
        ended = asyncio.create_task(child.wait())
        try:
            while not ended.done():
                taking = asyncio.ensure_future(take())
                try:
                    await asyncio.wait((taking, ended), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not taking.done():
                        taking.cancel()
                        with suppress(asyncio.CancelledError):
                            await taking
                if not taking.done() or taking.cancelled():
                    logger.warning("The renderer ended between two jobs")
                    return
                if not await self._do(taking.result(), child, slot):
                    return
        finally:
            slot.pid = None
            ended.cancel()

    async def _do(self, flight: Flight, child: Child, slot: ChildSlot) -> bool:
        """Do a job; return whether the child can do another."""
        began_at = slot.began_at = time.monotonic()
        slot.flight = flight
        hurrying = asyncio.get_running_loop().call_later(self._hurry_seconds, self._want_help)
        RENDER_WAITING.set(len(self._waiting))
        job = flight.job
        try:
            rendered = await child.do(job)
        except NotRenderedError as error:
            self._failures.add(job.task)
            self._tell("failed", job, error)
            flight.fail(error)
            return not child.is_over
        except ChildEndedError as error:
            is_lasting = error.is_over_limit
            if is_lasting:
                self._failures.add(job.task)
            else:
                is_lasting = self._failures.suspect(job.task)
            self._tell("killed", job, error)
            flight.fail(NotRenderedError("the renderer ended", is_lasting=is_lasting))
            return False
        else:
            seconds = time.monotonic() - began_at
            if len(job.text) > 1024:
                self._pace += 0.2 * (seconds / len(job.text) - self._pace)
            if seconds > self._slow_seconds and not flight.keepers:
                self._slow.add(job.task)
            RENDER_JOBS.labels("done").inc()
            RENDER_DURATION.observe(seconds)
            flight.succeed(rendered)
            return True
        finally:
            hurrying.cancel()
            slot.flight = None
            self._waiting.end(flight)

    def _tell(self, outcome: str, job: Job, error: Exception) -> None:
        RENDER_JOBS.labels(outcome).inc()
        logger.warning("A %s of %s bytes is shown plain (%s, %s)", job.kind, len(job.text), outcome, error)


@asynccontextmanager
async def open_renderer() -> AsyncIterator[Renderer]:
    """A renderer that works until the end of the context. It starts meanwhile: no one waits for it."""
    renderer = Renderer()
    running = asyncio.create_task(renderer.run())
    try:
        yield renderer
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
