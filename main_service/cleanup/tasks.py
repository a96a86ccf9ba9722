"""When parts of the clean-up run: each minute the texts that are due, hourly what expired, daily what is unused."""

import asyncio
import logging
from datetime import timedelta

from celery import shared_task

from main_service.cleanup.service import Archive, Cleanup, delete_unconfirmed
from main_service.entries.cache import EntryCache
from main_service.errors import UnavailableError
from main_service.resources import Resources, open_resources
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


@shared_task(name="main_service.archive_unused")
def archive_unused_task() -> None:
    """End the entries that nobody uses, if the settings say so. Repeatable."""
    settings = load_settings()
    if settings.unused_days is not None:
        asyncio.run(_archive_unused(settings, settings.unused_days))


@shared_task(name="main_service.delete_unconfirmed")
def delete_unconfirmed_task() -> None:
    """Delete the accounts that own nothing and were not confirmed in time, if the settings say so. Repeatable.

    Without a mail server none is deleted: their owners could not ask for another email to confirm them.
    """
    settings = load_settings()
    if settings.unconfirmed_retention is not None and settings.smtp_url is not None:
        asyncio.run(_delete_unconfirmed(settings, settings.unconfirmed_retention))


async def _delete_bodies() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:
        try:
            deleted = await cleanup_of(resources).delete_bodies()
        except UnavailableError as error:
            logger.warning("Texts are not deleted yet: %s", error)
            return
    if deleted:
        logger.info("Deleted %d texts", deleted)


async def _end_expired() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:
        try:
            ended = await cleanup_of(resources).end_expired()
        except UnavailableError as error:
            logger.warning("Expired entries are not marked yet: %s", error)
            return
    logger.info("Ended %d expired entries", ended)


async def _archive_unused(settings: Settings, days: int) -> None:
    async with open_resources(settings, for_task=True) as resources:
        try:
            ended = await archive_of(resources).archive_unused(days)
        except UnavailableError as error:
            logger.warning("Unused entries are not ended yet: %s", error)
            return
    logger.info("Ended %d entries that were not used for %d days", ended, days)


async def _delete_unconfirmed(settings: Settings, retention: timedelta) -> None:
    async with open_resources(settings, for_task=True) as resources:
        try:
            deleted = await delete_unconfirmed(resources.sessions, older_than=retention)
        except UnavailableError as error:
            logger.warning("Unconfirmed accounts are not deleted yet: %s", error)
            return
    if deleted:
        logger.info("Deleted %d accounts that were never confirmed", deleted)


def cleanup_of(resources: Resources) -> Cleanup:
    retention = resources.settings.archive_retention
    return Cleanup(sessions=resources.sessions, bodies=resources.bodies, archive_retention=retention)


def archive_of(resources: Resources) -> Archive:
    return Archive(sessions=resources.sessions, cache=EntryCache(resources.redis))
