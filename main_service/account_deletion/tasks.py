"""Background work on what accounts leave behind."""

import asyncio
import logging
from threading import Lock

from celery import shared_task

from main_service.account_deletion.service import Leaving
from main_service.entries.cache import EntryCache
from main_service.errors import UnavailableError
from main_service.resources import open_resources
from main_service.settings import load_settings

logger = logging.getLogger(__name__)

_finishing = Lock()
"""One round at a time in a worker: an account with very many entries must not take all its threads."""


@shared_task(name="main_service.finish_leaving")
def finish_leaving_task() -> None:
    """Take care of the entries of accounts that were deleted. Repeatable."""
    if _finishing.acquire(blocking=False):
        try:
            asyncio.run(_finish_leaving())
        finally:
            _finishing.release()


async def _finish_leaving() -> None:
    settings = load_settings()
    async with open_resources(settings, for_task=True) as resources:
        leaving = Leaving(
            sessions=resources.sessions, cache=EntryCache(resources.redis), longest=settings.guest_max_lifetime
        )
        try:
            done = await leaving.finish()
        except UnavailableError as error:
            logger.warning("Entries that were left wait for the next run: %r", error.__cause__)
            return
    if done:
        logger.info("Took care of %d entries of deleted accounts", done)
