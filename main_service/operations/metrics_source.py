"""The metrics of a web process: handed over every second, rendered on request, and served on a port of their own."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from main_service.engines.postgres import pool_state
from main_service.monitoring import heartbeats, metrics, metrics_port, tallies
from main_service.monitoring.exposition import exposition
from main_service.monitoring.process_metrics import ProcessorTime
from main_service.monitoring.scraped import ScrapedValues
from main_service.operations.engine_metrics import EngineQuestions
from main_service.resources import Resources

logger = logging.getLogger(__name__)

ROLE = "web"
LOOP_SECONDS = 5
"""How long the port waits for the event loop; then it tells what it can without asking the engines."""


class MetricsSource:
    """All metrics as text; one per web process."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._questions = EngineQuestions(resources)
        self._processor_time = ProcessorTime(ROLE)

    async def render(self) -> bytes:
        """All metrics of now, in Prometheus' text format, within about 2 s."""
        self.hand_over()
        answers = await self._questions.ask()
        return await asyncio.to_thread(exposition, ROLE, [answers])

    def hand_over(self) -> None:
        """Hand over what is added up, and what only this process knows."""
        tallies.hand_over()
        self._processor_time.hand_over()
        in_use, idle, waiting = pool_state(self._resources.sessions)
        metrics.POOL_CONNECTIONS.labels("in_use").set(in_use)
        metrics.POOL_CONNECTIONS.labels("idle").set(idle)
        metrics.POOL_WAITING.set(waiting)

    async def close(self) -> None:
        heartbeats.rest()
        self.hand_over()
        await self._questions.close()


@asynccontextmanager
async def open_metrics(resources: Resources) -> AsyncIterator[MetricsSource]:
    """Hand over each second while it is open, and at the end, and note that the event loop runs.

    Listen on the port for metrics, if one is set.
    """
    source = MetricsSource(resources)
    handing_over = asyncio.create_task(_hand_over_regularly(source))
    settings = resources.settings
    if settings.metrics_port is not None:
        metrics_port.listen(settings.metrics_host, settings.metrics_port, _in_loop(source, asyncio.get_running_loop()))
    try:
        yield source
    finally:
        handing_over.cancel()
        with suppress(asyncio.CancelledError):
            await handing_over
        await source.close()


async def _hand_over_regularly(source: MetricsSource) -> None:
    while True:
        await asyncio.sleep(tallies.HAND_OVER_SECONDS)
        heartbeats.beat()
        try:
            source.hand_over()
        except Exception:
            logger.exception("Metrics can't be handed over")


def _in_loop(source: MetricsSource, loop: asyncio.AbstractEventLoop) -> Callable[[], bytes]:
    """A function that another thread may call for the metrics, even while the event loop hangs or has ended."""

    def render() -> bytes:
        try:
            return asyncio.run_coroutine_threadsafe(source.render(), loop).result(LOOP_SECONDS)
        except (TimeoutError, RuntimeError, asyncio.CancelledError):
            return exposition(ROLE, [ScrapedValues()])

    return render
