"""Background work on entries."""

import asyncio
import logging

from celery import shared_task

from main_service.careful_redis import RedisAwayError
from main_service.entries.copies import Copies
from main_service.entries.healing import heal_copies
from main_service.errors import UnavailableError
from main_service.resources import open_resources
from main_service.settings import load_settings

logger = logging.getLogger(__name__)


@shared_task(name="main_service.heal_copies")
def heal_copies_task() -> None:
    """Tell Redis of every change that it may not have. Repeatable; what fails is done by the next run."""
    asyncio.run(_heal_copies())


async def _heal_copies() -> None:
    async with open_resources(load_settings(), for_task=True) as resources, resources.sessions() as session:
        try:
            healed = await heal_copies(session, Copies(resources.redis))
        except (RedisAwayError, UnavailableError) as error:
            logger.warning("Copies are not healed: %s", error)
            return
    if healed:
        logger.info("Wrote %d tombstones again", healed)
