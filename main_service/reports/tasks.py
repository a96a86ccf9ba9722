"""Background tasks of reports: built within ten seconds, files deleted hourly, daily reports sent after midnight."""

from datetime import UTC, datetime, timedelta

from main_service.background import Queue, task
from main_service.engines.batches import in_batches
from main_service.engines.postgres import Session
from main_service.reports import storage
from main_service.reports.builder import ReportBuilder
from main_service.reports.daily import DailyReports
from main_service.resources import Resources

EXPIRED_RETENTION = timedelta(days=30)
"""How long an expired report is still listed."""
FILES_PER_BATCH = 100


@task(every=timedelta(seconds=10), queue=Queue.SLOW, one_at_a_time=True)
async def build_report(resources: Resources) -> int:
    """Build the reports that users ordered; return how many became ready.

    A report whose worker was killed is built by a later round.
    """
    builder = ReportBuilder(sessions=resources.sessions, files=resources.files, settings=resources.settings)
    return await builder.build_due()


@task(every=timedelta(hours=1), queue=Queue.SLOW, name="forget_reports", log="Deleted the files of %d reports")
async def purge_reports(resources: Resources) -> int:
    """Delete the files of reports that expired or were deleted, with their account or alone; return how many files.

    Reports that expired long ago are then deleted themselves.
    """

    async def delete_files(session: Session, *, limit: int) -> int:
        report_ids = await storage.list_files_to_delete(session, limit=limit)
        # The rows stay locked meanwhile, and name the files until these are deleted.
        await resources.files.delete(report_ids)
        await storage.mark_files_deleted(session, report_ids)
        return len(report_ids)

    total = await in_batches(resources.sessions, delete_files, limit=FILES_PER_BATCH)
    async with resources.sessions() as session:
        await storage.delete_expired(session, longer_than=EXPIRED_RETENTION)
        await session.commit()
    return total


# Often, so that reports are not hours late after an outage at night. A round that finds nothing costs little.
@task(every=timedelta(minutes=15), queue=Queue.SLOW, log="Enqueued %d daily reports")
async def send_daily_reports(resources: Resources) -> int:
    """Put the emails about yesterday's visits that are still missing into the outbox; return how many."""
    reports = DailyReports(sessions=resources.sessions, public_url=resources.settings.public_url)
    return await reports.send(datetime.now(UTC))
