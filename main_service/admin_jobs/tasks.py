"""When jobs run: every ten seconds those that superusers ordered, and the whole clean-up daily."""

import asyncio
import logging
from dataclasses import asdict
from threading import Lock

from celery import shared_task

from main_service.admin_jobs.models import Work
from main_service.admin_jobs.service import AllCleaned, AskedWork, Counts, clean_up_all
from main_service.cleanup.tasks import archive_of, cleanup_of
from main_service.errors import UnavailableError
from main_service.resources import Resources, open_resources
from main_service.settings import Settings, load_settings

logger = logging.getLogger(__name__)

_doing_asked_work = Lock()
"""One round at a time in a worker: long work must not take all its threads from the other tasks."""


@shared_task(name="main_service.clean_up")
def clean_up_task() -> None:
    """End what expired, delete texts, empty ended entries, sweep orphans, forget what is old. Repeatable."""
    try:
        cleaned = asyncio.run(clean_up(load_settings()))
    except UnavailableError as error:
        logger.warning("The clean-up stopped, the next one goes on: %s", error)
        return
    logger.info("Cleaned up: %s", cleaned)


@shared_task(name="main_service.do_asked_work")
def do_asked_work_task() -> None:
    """Do what superusers asked for. Repeatable; work whose worker was killed is begun again after an hour."""
    if _doing_asked_work.acquire(blocking=False):
        try:
            asyncio.run(_do_asked_work())
        finally:
            _doing_asked_work.release()


async def clean_up(settings: Settings) -> AllCleaned:
    """The whole clean-up with resources of its own, for the task and the command line."""
    async with open_resources(settings, for_task=True) as resources:
        return await _clean_up(resources)


async def _do_asked_work() -> None:
    async with open_resources(load_settings(), for_task=True) as resources:

        async def clean(_: int | None) -> Counts:
            return asdict(await _clean_up(resources))

        async def archive(days: int | None) -> Counts:
            assert days is not None
            return {"ended": await archive_of(resources).archive_unused(days)}

        asked = AskedWork(sessions=resources.sessions, ways={Work.CLEAN_UP: clean, Work.ARCHIVE_UNUSED: archive})
        try:
            await asked.do_all()
        except UnavailableError as error:
            logger.warning("Work that was asked for waits: %s", error)


async def _clean_up(resources: Resources) -> AllCleaned:
    return await clean_up_all(cleanup_of(resources), resources.sessions)
