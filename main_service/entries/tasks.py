"""Background tasks of entries: Redis learns of every change, and the membership filter is kept complete."""

from datetime import timedelta

from main_service.background import Queue, task
from main_service.entries import cache_invalidation
from main_service.entries.cache import EntryCache
from main_service.keys.bloom import KeyHasher
from main_service.keys.filter_bitmaps import FilterBitmaps
from main_service.keys.filter_rebuild import FilterRebuild
from main_service.resources import Resources

REPLAY_EVERY = timedelta(seconds=5)
"""Together with the worker's pause before it reconnects and the work itself, this is less than the 10 s in which Redis
learns of a change."""

_filter_rebuild = FilterRebuild()


@task(every=REPLAY_EVERY, queue=Queue.QUICK, name="heal_copies", log="Wrote %d tombstones again")
async def replay_invalidations(resources: Resources) -> int:
    """Tell Redis of every change that it may not have; return how many tombstones were written."""
    async with resources.sessions() as session:
        return await cache_invalidation.replay_invalidations(session, EntryCache(resources.redis), resources.key_filter)


@task(every=timedelta(seconds=10), queue=Queue.SLOW, one_at_a_time=True)
async def rebuild_filter(resources: Resources) -> None:
    """Go on with what makes the membership filter complete, if it is not."""
    settings = resources.settings
    bitmaps = FilterBitmaps(resources.redis, hasher=KeyHasher(settings.secret))
    await _filter_rebuild.step(resources.sessions, bitmaps, most_bytes=settings.key_filter_max_bytes)
