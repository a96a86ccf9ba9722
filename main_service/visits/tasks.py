"""When visits are brought to PostgreSQL: every ten seconds; and daily what keeps their tables in shape."""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta
from threading import Lock

from celery import shared_task

from main_service.careful_redis import RedisAwayError
from main_service.errors import UnavailableError
from main_service.resources import open_resources
from main_service.settings import load_settings
from main_service.visits.countries import Countries
from main_service.visits.forgetting import forget_batches
from main_service.visits.ingest import Ingest
from main_service.visits.partitions import Partitions
from main_service.visits.stream import VisitStream
from main_service.visits.visitors import Visitors

logger = logging.getLogger(__name__)

WORK_FOR = timedelta(seconds=8)
"""Less than the ten seconds after which the next round begins."""

_ingesting = Lock()
"""One round at a time in a worker: a long stream must not take all its threads from the other tasks."""


@shared_task(name="main_service.ingest_visits")
def ingest_visits_task() -> None:
    """Bring visits from the stream to PostgreSQL. Repeatable; what fails is done by the next round."""
    if _ingesting.acquire(blocking=False):
        try:
            asyncio.run(_ingest_visits())
        finally:
            _ingesting.release()


@shared_task(name="main_service.keep_partitions")
def keep_partitions_task() -> None:
    """Make the months of visits to come and drop the old ones. Repeatable."""
    asyncio.run(_keep_partitions())


@shared_task(name="main_service.forget_visit_batches")
def forget_visit_batches_task() -> None:
    """Forget the batches of visits that can't come again. Repeatable."""
    asyncio.run(_forget_batches())


async def _ingest_visits() -> None:
    until = time.monotonic() + WORK_FOR.total_seconds()
    settings = load_settings()
    async with open_resources(settings, for_task=True) as resources:
        with Countries(settings.geoip_db) as countries:
            ingest = Ingest(
                sessions=resources.sessions,
                stream=VisitStream(resources.redis),
                visitors=Visitors(resources.redis),
                countries=countries,
            )
            try:
                ingested = await ingest.ingest(until=until)
            except (RedisAwayError, UnavailableError) as error:
                logger.warning("Visits wait: %s", error)
                return
    if ingested:
        logger.info("Ingested %d visits", ingested)


async def _keep_partitions() -> None:
    settings = load_settings()
    async with open_resources(settings, for_task=True) as resources:
        partitions = Partitions(sessions=resources.sessions, retention=settings.visit_retention)
        try:
            kept = await partitions.keep(datetime.now(UTC))
        except UnavailableError as error:
            logger.warning("The months of visits stay as they are: %s", error)
            return
    if any(kept):
        logger.info("Months of visits: %s", kept)


async def _forget_batches() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:
        try:
            forgotten = await forget_batches(resources.sessions, VisitStream(resources.redis))
        except (RedisAwayError, UnavailableError) as error:
            logger.warning("Batches of visits are not forgotten yet: %s", error)
            return
    if forgotten:
        logger.info("Forgot %d batches of visits", forgotten)
