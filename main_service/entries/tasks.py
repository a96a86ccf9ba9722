"""Background work on entries."""

import asyncio
import logging
from threading import Lock

from celery import shared_task

from main_service.engines.redis import RedisUnavailableError
from main_service.entries.cache import EntryCache
from main_service.entries.cache_invalidation import replay_invalidations
from main_service.errors import UnavailableError
from main_service.keys.bloom import KeyHasher
from main_service.keys.filter_bitmaps import FilterBitmaps
from main_service.keys.filter_rebuild import FilterRebuild
from main_service.resources import open_resources
from main_service.settings import load_settings

logger = logging.getLogger(__name__)

_filter_rebuild = FilterRebuild()
_is_rebuilding = Lock()


@shared_task(name="main_service.heal_copies")
def heal_copies_task() -> None:
    """Tell Redis of every change that it may not have. Repeatable; what fails is done by the next run."""
    asyncio.run(_heal_copies())


async def _heal_copies() -> None:
    async with open_resources(load_settings(), for_task=True) as resources, resources.sessions() as session:
        try:
            replayed = await replay_invalidations(session, EntryCache(resources.redis), resources.key_filter)
        except (RedisUnavailableError, UnavailableError) as error:
            logger.warning("Missed invalidations are not replayed: %s", error)
            return
    if replayed:
        logger.info("Wrote %d tombstones again", replayed)


@shared_task(name="main_service.rebuild_filter")
def rebuild_filter_task() -> None:
    """Go on with what makes the membership filter complete, if it is not. Repeatable."""
    if _is_rebuilding.acquire(blocking=False):
        try:
            asyncio.run(_rebuild_filter())
        finally:
            _is_rebuilding.release()


async def _rebuild_filter() -> None:
    settings = load_settings()
    async with open_resources(settings, for_task=True) as resources:
        bitmaps = FilterBitmaps(resources.redis, hasher=KeyHasher(settings.secret.get_secret_value()))
        try:
            await _filter_rebuild.step(resources.sessions, bitmaps, most_bytes=settings.key_filter_max_bytes)
        except (RedisUnavailableError, UnavailableError) as error:
            logger.warning("The membership filter is not rebuilt: %s", error)
