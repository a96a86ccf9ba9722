"""When the clean-up runs: each minute the texts that are due, hourly what expired, daily all of it, and when asked."""

import asyncio
import logging
from dataclasses import asdict
from threading import Lock

from celery import shared_task

from main_service.admin_jobs.models import Work
from main_service.admin_jobs.service import AskedWork, Counts
from main_service.cleanup.service import Archive, Cleaned, Cleanup
from main_service.entries.cache import Copies
from main_service.errors import UnavailableError
from main_service.resources import Resources, open_resources
from main_service.settings import Settings, load_settings

logger = logging.getLogger(__name__)

_doing_asked_work = Lock()
"""One round at a time in a worker: long work must not take all its threads from the other tasks."""


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
    """End what expired, delete texts, empty ended entries, sweep orphans, forget what is old. Repeatable."""
    try:
        cleaned = asyncio.run(clean_up(load_settings()))
    except UnavailableError as error:
        logger.warning("The clean-up stopped, the next one goes on: %s", error)
        return
    logger.info("Cleaned up: %s", cleaned)


@shared_task(name="main_service.archive_unused")
def archive_unused_task() -> None:
    """End the entries that nobody uses, if the settings say so. Repeatable."""
    settings = load_settings()
    if settings.unused_days is not None:
        asyncio.run(_archive_unused(settings, settings.unused_days))


@shared_task(name="main_service.do_asked_work")
def do_asked_work_task() -> None:
    """Do what superusers asked for. Repeatable; work whose worker was killed is begun again after an hour."""
    if _doing_asked_work.acquire(blocking=False):
        try:
            asyncio.run(_do_asked_work())
        finally:
            _doing_asked_work.release()


async def clean_up(settings: Settings) -> Cleaned:
    """The whole clean-up with resources of its own, for the task and the command line."""
    async with open_resources(settings, for_task=True) as resources:
        return await _cleanup(resources).clean_up()


async def _delete_bodies() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:
        try:
            deleted = await _cleanup(resources).delete_bodies()
        except UnavailableError as error:
            logger.warning("Texts are not deleted yet: %s", error)
            return
    if deleted:
        logger.info("Deleted %d texts", deleted)


async def _end_expired() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:
        try:
            ended = await _cleanup(resources).end_expired()
        except UnavailableError as error:
            logger.warning("Expired entries are not marked yet: %s", error)
            return
    logger.info("Ended %d expired entries", ended)


async def _archive_unused(settings: Settings, days: int) -> None:
    async with open_resources(settings, for_task=True) as resources:
        try:
            ended = await _archive(resources).archive_unused(days)
        except UnavailableError as error:
            logger.warning("Unused entries are not ended yet: %s", error)
            return
    logger.info("Ended %d entries that were not used for %d days", ended, days)


async def _do_asked_work() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:

        async def clean(_: int | None) -> Counts:
            return asdict(await _cleanup(resources).clean_up())

        async def archive(days: int | None) -> Counts:
            assert days is not None
            return {"ended": await _archive(resources).archive_unused(days)}

        asked = AskedWork(sessions=resources.sessions, ways={Work.CLEAN_UP: clean, Work.ARCHIVE_UNUSED: archive})
        try:
            await asked.do_all()
        except UnavailableError as error:
            logger.warning("Work that was asked for waits: %s", error)


def _cleanup(resources: Resources) -> Cleanup:
    retention = resources.settings.archive_retention
    return Cleanup(sessions=resources.sessions, bodies=resources.bodies, archive_retention=retention)


def _archive(resources: Resources) -> Archive:
    return Archive(sessions=resources.sessions, copies=Copies(resources.redis))
