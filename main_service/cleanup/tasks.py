"""When the clean-up runs: each minute the texts that are due, hourly what expired, daily all of it."""

import asyncio
import logging

from celery import shared_task

from main_service.cleanup.service import Cleaned, Cleanup
from main_service.errors import UnavailableError
from main_service.resources import open_resources
from main_service.settings import Settings, load_settings

logger = logging.getLogger(__name__)


@shared_task(name="main_service.end_expired")
def end_expired_task() -> None:
    """Mark entries whose time is over as ended. Repeatable."""
    asyncio.run(_end_expired())


@shared_task(name="main_service.delete_bodies")
def delete_bodies_task() -> None:
    """Delete the texts that are due. Repeatable."""
    asyncio.run(_delete_bodies())


@shared_task(name="main_service.clean_up")
def clean_up_task() -> None:
    """End what expired, delete texts, empty ended entries, sweep orphans, forget idempotency keys. Repeatable."""
    try:
        cleaned = asyncio.run(clean_up(load_settings()))
    except UnavailableError as error:
        logger.warning("The clean-up stopped, the next one goes on: %s", error)
        return
    logger.info("Cleaned up: %s", cleaned)


async def clean_up(settings: Settings) -> Cleaned:
    """The whole clean-up with resources of its own, for the task and the command line."""
    async with open_resources(settings, for_task=True) as resources:
        return await Cleanup(sessions=resources.sessions, bodies=resources.bodies).clean_up()


async def _delete_bodies() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:
        try:
            deleted = await Cleanup(sessions=resources.sessions, bodies=resources.bodies).delete_bodies()
        except UnavailableError as error:
            logger.warning("Texts are not deleted yet: %s", error)
            return
    if deleted:
        logger.info("Deleted %d texts", deleted)


async def _end_expired() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:
        try:
            ended = await Cleanup(sessions=resources.sessions, bodies=resources.bodies).end_expired()
        except UnavailableError as error:
            logger.warning("Expired entries are not marked yet: %s", error)
            return
    logger.info("Ended %d expired entries", ended)
