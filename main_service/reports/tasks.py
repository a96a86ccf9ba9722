"""Tasks of reports: built within ten seconds, files deleted hourly, daily reports sent soon after midnight."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from threading import Lock

from celery import shared_task
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.batches import in_batches
from main_service.engines.files import FileStore
from main_service.engines.postgres import Session
from main_service.errors import UnavailableError
from main_service.reports import storage
from main_service.reports.builder import ReportBuilder
from main_service.reports.daily import DailyReports
from main_service.resources import open_resources
from main_service.settings import Settings, load_settings

FORGOTTEN_AFTER = timedelta(days=30)
"""So long a report says that it has expired."""
FILES_PER_BATCH = 100


async def forget_reports(sessions: async_sessionmaker[Session], files: FileStore) -> int:
    """Delete the files that are due, then the rows; return how many files. Repeatable.

    Raises:
        DatabaseUnavailableError, BodyStoreUnavailableError: what is left is done by the next run.
    """

    async def delete_due(session: Session, *, limit: int) -> int:
        report_ids = await storage.list_files_to_delete(session, limit=limit)
        # The rows stay locked meanwhile, and name the files until they are gone.
        await files.delete(report_ids)
        await storage.note_deleted_files(session, report_ids)
        return len(report_ids)

    total = await in_batches(sessions, delete_due, limit=FILES_PER_BATCH)
    async with sessions() as session:
        await storage.forget_expired(session, longer_than=FORGOTTEN_AFTER)
        await session.commit()
    return total


logger = logging.getLogger(__name__)

_building = Lock()
"""One round at a time in a worker: large reports must not take all its threads from the other tasks."""


@shared_task(name="main_service.build_report")
def build_report_task() -> None:
    """Build the reports that users asked for. Repeatable; one whose worker was killed is built by the next round."""
    if _building.acquire(blocking=False):
        try:
            asyncio.run(build_reports(load_settings()))
        except UnavailableError as error:
            logger.warning("Reports wait: %s", error)
        finally:
            _building.release()


@shared_task(name="main_service.forget_reports")
def forget_reports_task() -> None:
    """Delete the files of reports that have expired, were deleted, or whose account was. Repeatable."""
    try:
        deleted = asyncio.run(forget_expired_reports(load_settings()))
    except UnavailableError as error:
        logger.warning("Files of reports are not deleted yet: %s", error)
        return
    if deleted:
        logger.info("Deleted the files of %d reports", deleted)


@shared_task(name="main_service.send_daily_reports")
def send_daily_reports_task() -> None:
    """Post the letters about yesterday's visits that are not posted yet. Repeatable."""
    try:
        posted = asyncio.run(send_daily_reports(load_settings(), datetime.now(UTC)))
    except UnavailableError as error:
        logger.warning("Daily reports wait: %s", error)
        return
    if posted:
        logger.info("Posted %d daily reports", posted)


async def build_reports(settings: Settings) -> int:
    """One round with resources of its own; return how many reports are there now.

    Raises:
        DatabaseUnavailableError: what is left is done by the next round.
    """
    async with open_resources(settings, for_task=True) as resources:
        return await ReportBuilder(sessions=resources.sessions, files=resources.files, settings=settings).build_due()


async def forget_expired_reports(settings: Settings) -> int:
    """Return of how many reports the files were deleted.

    Raises:
        DatabaseUnavailableError, BodyStoreUnavailableError: what is left is done by the next run.
    """
    async with open_resources(settings, for_task=True) as resources:
        return await forget_reports(resources.sessions, resources.files)


async def send_daily_reports(settings: Settings, now: datetime) -> int:
    """Return how many letters were posted.

    Raises:
        DatabaseUnavailableError: what is left is done by the next run.
    """
    async with open_resources(settings, for_task=True) as resources:
        return await DailyReports(sessions=resources.sessions, public_url=settings.public_url).send(now)
