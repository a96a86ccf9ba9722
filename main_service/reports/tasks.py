"""Background tasks of reports: built within ten seconds, files deleted hourly, daily reports sent after midnight."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.background import Queue, task
from main_service.engines.batches import in_batches
from main_service.engines.files import FileStore
from main_service.engines.postgres import Session
from main_service.reports import storage
from main_service.reports.builder import ReportBuilder
from main_service.reports.daily import DailyReports
from main_service.resources import Resources

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


@task(every=timedelta(seconds=10), queue=Queue.SLOW, one_at_a_time=True)
async def build_report(resources: Resources) -> int:
    """Build the reports that users asked for; return how many are ready now.

    A report whose worker was killed is built by a later round.
    """
    builder = ReportBuilder(sessions=resources.sessions, files=resources.files, settings=resources.settings)
    return await builder.build_due()


@task(every=timedelta(hours=1), queue=Queue.SLOW, name="forget_reports", log="Deleted the files of %d reports")
async def forget_expired_reports(resources: Resources) -> int:
    """Delete the files of reports that have expired, were deleted, or whose account was; return of how many."""
    return await forget_reports(resources.sessions, resources.files)


# Often, as a round that finds nothing costs nothing, so that a report is not late by hours after a night's outage.
@task(every=timedelta(minutes=15), queue=Queue.SLOW, log="Posted %d daily reports")
async def send_daily_reports(resources: Resources) -> int:
    """Post the emails about yesterday's visits that are not posted yet; return how many."""
    reports = DailyReports(sessions=resources.sessions, public_url=resources.settings.public_url)
    return await reports.send(datetime.now(UTC))
