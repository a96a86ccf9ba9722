"""Builds the files of ordered reports: each in one worker at a time, and again if that worker was killed."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.collections import storage as collections
from main_service.engines.files import FileStore
from main_service.engines.postgres import Session
from main_service.errors import AppError, NotFoundError, UnavailableError
from main_service.monitoring import tracing
from main_service.reports import storage
from main_service.reports.csv_zip import write_csv_zip
from main_service.reports.emails import ReportEmails
from main_service.reports.models import Report, ReportFormat
from main_service.reports.queries import ReportQueries, ReportScope
from main_service.reports.service import file_name, media_type_of
from main_service.reports.sheets import plan_workbook
from main_service.reports.xlsx import write_xlsx
from main_service.settings import Settings
from main_service.statistics.time_ranges import DateRange
from main_service.visits.countries import source_of

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 4
RETRY = timedelta(minutes=1)
"""How long after a failed attempt the next one starts. If the worker was killed, the next one starts at once."""
REPORTS_PER_ROUND = 100
BUG = "Something went wrong while building it. It is in the log of the worker."
GONE = "The collection was deleted before the report was built."


class ReportBuilder:
    """Builds reports. It is safe to run several times at once, and again after a run was killed.

    A run holds an advisory lock on the report that it builds, in the transaction whose snapshot the report is read
    from. PostgreSQL frees the lock when the connection breaks.
    """

    def __init__(self, *, sessions: async_sessionmaker[Session], files: FileStore, settings: Settings) -> None:
        self._sessions = sessions
        self._files = files
        self._settings = settings
        self._emails = ReportEmails(settings)

    async def build_due(self) -> int:
        """Build the reports that are due and that no other run is building; return how many became ready.

        Raises:
            DatabaseUnavailableError: the next run builds the rest.
        """
        async with self._sessions() as session:
            report_ids = await storage.list_due(session, limit=REPORTS_PER_ROUND)
        return sum([await self._build(report_id) for report_id in report_ids])

    async def _build(self, report_id: UUID) -> bool:
        async with self._sessions() as snapshot:
            await storage.begin_snapshot(snapshot)
            if not await storage.try_lock(snapshot, report_id):
                return False
            report = await self._start_attempt(report_id)
            if report is None:
                return False
            with tracing.continued("build report", report.trace_parent):
                return await self._attempt(snapshot, report)

    async def _attempt(self, snapshot: Session, report: Report) -> bool:
        report_id = report.id
        if report.attempts > MAX_ATTEMPTS:
            # Earlier attempts could not even record why they failed: this report may be what kills the worker.
            logger.error("Report %s is given up: its workers were killed %d times", report_id, MAX_ATTEMPTS)
            await self._fail(report_id, BUG)
            return False
        try:
            size_bytes = await self._write_file(snapshot, report)
        except UnavailableError as error:
            logger.warning("Report %s waits: %s", report_id, error)
            tracing.note_failure(error)
            await self._postpone(report_id, counts=False)
            return False
        except AppError as error:
            logger.warning("Report %s can't be made: %s", report_id, error)
            tracing.note_failure(error)
            await self._fail(report_id, error.message)
            return False
        except Exception as error:
            # A report that can't be built must not hold up the reports that follow.
            logger.exception("Report %s failed at attempt %d", report_id, report.attempts)
            tracing.note_failure(error)
            if report.attempts < MAX_ATTEMPTS:
                await self._postpone(report_id, counts=True)
            else:
                await self._fail(report_id, BUG)
            return False
        return await self._finish(report_id, size_bytes)

    async def _write_file(self, snapshot: Session, report: Report) -> int:
        """Write the file of a report and put it into the object store; return its size in bytes.

        Raises:
            NotFoundError: the report's collection was deleted.
            DatabaseUnavailableError, BodyStoreUnavailableError: another attempt may succeed.
        """
        assert report.owner_id is not None
        if report.collection_id is not None and not await collections.is_owned(
            snapshot, report.owner_id, report.collection_id
        ):
            raise NotFoundError(GONE)
        days = DateRange(report.first_day, report.last_day)
        queries = ReportQueries(snapshot, ReportScope(report.owner_id, days, report.collection_id))
        workbook = await plan_workbook(
            queries,
            days,
            collection=report.collection_name,
            public_url=self._settings.public_url,
            country_source=source_of(self._settings),
        )
        write = write_xlsx if report.format is ReportFormat.XLSX else write_csv_zip
        with TemporaryDirectory(prefix="slipbin-report-") as folder:
            path = Path(folder) / "report"
            await asyncio.to_thread(write, workbook, path)
            size_bytes = path.stat().st_size
            await self._files.put(report.id, path)
        return size_bytes

    async def _start_attempt(self, report_id: UUID) -> Report | None:
        async with self._sessions() as session:
            report = await storage.start_attempt(session, report_id)
            await session.commit()
        return report

    async def _postpone(self, report_id: UUID, *, counts: bool) -> None:
        async with self._sessions() as session:
            await storage.postpone(session, report_id, by=RETRY, counts=counts)
            await session.commit()

    async def _fail(self, report_id: UUID, failure: str) -> None:
        async with self._sessions() as session:
            lifetime = self._settings.report_lifetime
            await storage.finish(session, report_id, size_bytes=None, failure=failure, kept_for=lifetime)
            await session.commit()

    async def _finish(self, report_id: UUID, size_bytes: int) -> bool:
        """Record that a report is ready, and email it; False if it was deleted meanwhile."""
        async with self._sessions() as session:
            lifetime = self._settings.report_lifetime
            report = await storage.finish(session, report_id, size_bytes=size_bytes, failure=None, kept_for=lifetime)
            if report is None:
                # The report was deleted while it was built. If deleting the file fails here, the clean-up deletes it.
                await self._files.delete([report_id])
                return False
            assert report.owner_id is not None
            recipient = await storage.find_recipient(session, report.owner_id)
            if recipient is not None:
                name, media_type = file_name(report), media_type_of(report.format)
                await self._emails.enqueue(session, report, recipient, name=name, media_type=media_type)
            await session.commit()
        logger.info("Report %s is ready: %d bytes", report_id, size_bytes)
        return True
