"""The renderer of a web process: does jobs one at a time in a child, which it starts again whenever it ends."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from main_service.monitoring.metrics import RENDER_DURATION, RENDER_JOBS, RENDER_STARTS, RENDER_WAITING
from main_service.rendering.child import COMMAND, Child, ChildEndedError, Limits
from main_service.rendering.errors import NotRenderedError
from main_service.rendering.failures import Failures
from main_service.rendering.job import Job, Rendered
from main_service.rendering.waiting_jobs import Flight, Keep, WaitingJobs

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 1.0
"""How long a reader waits for colours; then the plain page is better."""
FIRST_PAUSE_SECONDS = 0.1
"""The pause before a child that could not start is started again; doubled each time."""
LONGEST_PAUSE_SECONDS = 30.0
SLOW_REMEMBERED_SECONDS = 600.0
"""How long a job is not done again that took longer than readers wait, if nothing is kept of it. Otherwise one client
that opens a private paste again and again could keep the renderer busy."""
_FIRST_PACE = 2e-6
"""Seconds for a byte of text, as long as no job has told."""


class Renderer:
    """Does jobs, and answers at once where it can't."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        waiting: WaitingJobs | None = None,
        command: Sequence[str] = COMMAND,
        slow_seconds: float = PATIENCE_SECONDS,
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
        self._current: tuple[Flight, float] | None = None
        """What is being done, and since when."""
        self._failed_starts = 0
        self.pid: int | None = None
        """The child's process id; None while there is none."""

    @property
    def is_working(self) -> bool:
        """Whether a job is being done."""
        return self._current is not None

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
        if patience is not None and self._wait_before(flight) > patience:
            raise NotRenderedError("it would take too long")
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(flight.result)
        except TimeoutError as error:
            raise NotRenderedError("it takes too long") from error

    def _wait_before(self, flight: Flight) -> float:
        """How long it will take until this is being done, in seconds."""
        if self._current is None:
            return 0
        current, began_at = self._current
        if current is flight:
            return 0
        expected, elapsed = len(current.job.text) * self._pace, time.monotonic() - began_at
        # What takes longer than expected will go on for as long as it has: then no one should wait for it.
        rest = expected - elapsed if elapsed < expected else elapsed
        return rest + self._waiting.bytes_before(flight) * self._pace

    async def run(self) -> None:
        """Do jobs until this is cancelled."""
        while True:
            try:
                async with await Child.start(self._limits, self._command) as child:
                    RENDER_STARTS.inc()
                    self._failed_starts = 0
                    self.pid = child.pid
                    await self._use(child)
            except ChildEndedError as error:
                self._failed_starts += 1
                pause = min(FIRST_PAUSE_SECONDS * 2 ** (self._failed_starts - 1), LONGEST_PAUSE_SECONDS)
                logger.error("The renderer can't be started (%s); again in %g s", error, pause)
                self._waiting.fail_all(NotRenderedError("the renderer doesn't start"))
                await asyncio.sleep(pause)
            finally:
                self.pid = None

    async def _use(self, child: Child) -> None:
        """Give the child jobs until it ends."""
        ended = asyncio.create_task(child.wait())
        try:
            while not ended.done():
                taking = asyncio.create_task(self._waiting.take())
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
                if not await self._do(taking.result(), child):
                    return
        finally:
            ended.cancel()

    async def _do(self, flight: Flight, child: Child) -> bool:
        """Do a job; return whether the child can do another."""
        began_at = time.monotonic()
        self._current = flight, began_at
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
            self._current = None
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
