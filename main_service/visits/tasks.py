"""When visits are brought to PostgreSQL: every ten seconds; and daily what keeps their tables in shape."""

import asyncio
import gc
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Lock

from celery import shared_task

from main_service.engines.redis import RedisUnavailableError
from main_service.errors import UnavailableError
from main_service.resources import open_resources
from main_service.settings import Settings, load_settings
from main_service.visit_stream.reader import VisitStream
from main_service.visits.countries import Countries, database_of
from main_service.visits.ingest import Ingest
from main_service.visits.monthly_rollup import roll_up_months
from main_service.visits.unique_visitors import Visitors
from main_service.visits.upkeep import PartitionChanges, Partitions, purge_batches

logger = logging.getLogger(__name__)

WORK_FOR = timedelta(seconds=8)
"""Less than the ten seconds after which the next round begins."""

_ingesting = Lock()
"""One round at a time in a worker: a long stream must not take all its threads from the other tasks."""


@shared_task(name="main_service.ingest_visits")
def ingest_visits_task() -> None:
    """Bring visits from the stream to PostgreSQL. Repeatable; what fails is done by the next round."""
    if not _ingesting.acquire(blocking=False):
        return
    try:
        ingested = asyncio.run(ingest_visits(load_settings()))
    except (RedisUnavailableError, UnavailableError) as error:
        logger.warning("Visits wait: %s", error)
        return
    finally:
        _ingesting.release()
    if ingested:
        logger.info("Ingested %d visits", ingested)


@shared_task(name="main_service.keep_partitions")
def keep_partitions_task() -> None:
    """Make the months of visits to come and drop the old ones. Repeatable."""
    try:
        kept = asyncio.run(keep_partitions(load_settings(), datetime.now(UTC)))
    except UnavailableError as error:
        logger.warning("The months of visits stay as they are: %s", error)
        return
    if any(kept):
        logger.info("Months of visits: %s", kept)


@shared_task(name="main_service.sum_up_visit_months")
def sum_up_visit_months_task() -> None:
    """Make the sums of months that are over. Repeatable."""
    try:
        summed = asyncio.run(sum_up_visit_months(load_settings(), datetime.now(UTC)))
    except UnavailableError as error:
        logger.warning("Months of visits are summed up later: %s", error)
        return
    if summed:
        logger.info("Summed up %d months of visits", summed)


@shared_task(name="main_service.forget_visit_batches")
def forget_visit_batches_task() -> None:
    """Forget the batches of visits that can't come again. Repeatable."""
    try:
        forgotten = asyncio.run(forget_visit_batches(load_settings()))
    except (RedisUnavailableError, UnavailableError) as error:
        logger.warning("Batches of visits are not forgotten yet: %s", error)
        return
    if forgotten:
        logger.info("Forgot %d batches of visits", forgotten)


async def ingest_visits(settings: Settings) -> int:
    """One round with resources of its own; return how many visits it counted.

    Raises:
        DatabaseUnavailableError, RedisUnavailableError: what is left is done by the next round.
    """
    until = time.monotonic() + WORK_FOR.total_seconds()
    async with open_resources(settings, for_task=True) as resources:
        with Countries(database_of(settings)) as countries, _collector_paused():
            return await Ingest(
                sessions=resources.sessions,
                stream=VisitStream(resources.redis),
                visitors=Visitors(resources.redis),
                countries=countries,
            ).ingest(until=until)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A portion is hundreds of thousands of objects without a cycle. To look for one among them again and again took a
    fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def keep_partitions(settings: Settings, now: datetime) -> PartitionChanges:
    """Raises:
    DatabaseUnavailableError: what is left is done by the next run.
    """
    async with open_resources(settings, for_task=True) as resources:
        return await Partitions(sessions=resources.sessions, retention=settings.visit_retention).maintain(now)


async def sum_up_visit_months(settings: Settings, now: datetime) -> int:
    """Raises:
    DatabaseUnavailableError: what is left is done by the next run.
    """
    async with open_resources(settings, for_task=True) as resources:
        return await roll_up_months(resources.sessions, now)


async def forget_visit_batches(settings: Settings) -> int:
    """Raises:
    DatabaseUnavailableError, RedisUnavailableError: the next run does it.
    """
    async with open_resources(settings, for_task=True) as resources:
        return await purge_batches(resources.sessions, VisitStream(resources.redis))
