"""Background tasks of visits: counted every ten seconds; and daily what keeps their tables in shape."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from main_service.background import Queue, task
from main_service.resources import Resources
from main_service.visits.countries import Countries, database_of
from main_service.visits.factory import VisitFactory
from main_service.visits.monthly_rollup import roll_up_months
from main_service.visits.upkeep import PartitionChanges, purge_batches

WORK_FOR = timedelta(seconds=8)
"""Less than the ten seconds after which the next round begins."""


@task(every=timedelta(seconds=10), queue=Queue.QUICK, one_at_a_time=True, log="Ingested %d visits")
async def ingest_visits(resources: Resources) -> int:
    """Bring visits from the stream to PostgreSQL; return how many were counted."""
    until = time.monotonic() + WORK_FOR.total_seconds()
    with Countries(database_of(resources.settings)) as countries, _collector_paused():
        return await VisitFactory(resources).ingest(countries).run(until=until)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A portion is hundreds of thousands of objects without a cycle. Looking for cycles took a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@task(daily_at="01:00", queue=Queue.SLOW, name="keep_partitions", log="Months of visits: %s")
async def maintain_partitions(resources: Resources) -> PartitionChanges | None:
    """Make the months of visits to come and drop the old ones; return what changed, None if nothing did."""
    changes = await VisitFactory(resources).partitions.maintain(datetime.now(UTC))
    return changes if any(changes) else None


@task(daily_at="00:45", queue=Queue.SLOW, name="sum_up_visit_months", log="Rolled up %d months of visits")
async def roll_up_visit_months(resources: Resources) -> int:
    """Make the monthly rollups of months that are over; return how many."""
    return await roll_up_months(resources.sessions, datetime.now(UTC))


@task(daily_at="00:30", queue=Queue.SLOW, name="forget_visit_batches", log="Purged %d batches of visits")
async def purge_visit_batches(resources: Resources) -> int:
    """Delete the rows of batches of visits that can't come again; return how many."""
    return await purge_batches(resources.sessions, VisitFactory(resources).stream)
