"""Jobs that superusers order: recorded by a request, run by the worker; and the whole clean-up, which purges them."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.admin_jobs import storage
from main_service.admin_jobs.models import AdminJob, JobKind
from main_service.cleanup.service import CleanupCounts, CleanupService
from main_service.cleanup.unused import UnusedCleanup
from main_service.engines.batches import in_batches
from main_service.engines.postgres import Session
from main_service.errors import AppError, NotFoundError
from main_service.monitoring import tracing

logger = logging.getLogger(__name__)

RESTART_AFTER = timedelta(hours=1)
"""A run that has not finished by then is taken for killed. Every job can be repeated, and shared by two runs."""
BUG = "Something went wrong. It is in the log of the worker."

JobResult = dict[str, int]
JobHandler = Callable[[int | None], Awaitable[JobResult]]
"""Runs a job, given its `days`, in transactions of its own."""


class AdminJobs:
    """What superusers do with jobs: order one, and look at one."""

    def __init__(self, *, session: Session) -> None:
        self._session = session

    async def order(self, kind: JobKind, *, days: int | None = None) -> AdminJob:
        """Record a job. It starts within about 10 s, unless the worker is busy with other slow tasks."""
        job = AdminJob(id=uuid4(), kind=kind, days=days)
        await storage.create_job(self._session, job)
        return job

    async def get(self, job_id: UUID) -> AdminJob:
        """A job.

        Raises:
            NotFoundError: there is no such job, or it finished 30 days ago.
        """
        job = await storage.find_job(self._session, job_id)
        if job is None:
            raise NotFoundError
        return job


@dataclass(frozen=True)
class _Run:
    """One run of a job."""

    job_id: UUID
    kind: JobKind
    days: int | None
    started_at: datetime
    trace_parent: str | None


class AdminJobRunner:
    """Runs the jobs that were ordered. Two runners at once never start the same job."""

    def __init__(self, *, sessions: async_sessionmaker[Session], handlers: Mapping[JobKind, JobHandler]) -> None:
        self._sessions = sessions
        self._handlers = handlers

    async def run_open(self) -> int:
        """Run all open jobs, one after the other; return how many finished, whether they succeeded or failed.

        Raises:
            DatabaseUnavailableError: the job at hand is restarted after `RESTART_AFTER`.
        """
        finished = 0
        while (run := await self._start()) is not None:
            with tracing.continued(f"run job {run.kind}", run.trace_parent):
                await self._finish(run)
            finished += 1
        return finished

    async def _start(self) -> _Run | None:
        """Take the oldest open job, and commit that it has been started; None if there is none."""
        async with self._sessions() as session:
            job = await storage.take_job(session, restart_after=RESTART_AFTER)
            await session.commit()
        if job is None:
            return None
        assert job.started_at is not None
        return _Run(
            job_id=job.id, kind=job.kind, days=job.days, started_at=job.started_at, trace_parent=job.trace_parent
        )

    async def _finish(self, run: _Run) -> None:
        result: JobResult | None = None
        failure: str | None = None
        try:
            result = await self._handlers[run.kind](run.days)
        except AppError as error:
            logger.warning("Job %s (%s) stopped: %s", run.job_id, run.kind, error)
            tracing.note_failure(error)
            failure = error.message
        except Exception as error:
            # A job must end: otherwise it would be restarted every hour for ever, and hold up the jobs behind it.
            logger.exception("Job %s (%s) failed", run.job_id, run.kind)
            tracing.note_failure(error)
            failure = BUG
        async with self._sessions() as session:
            await storage.finish_job(session, run.job_id, started_at=run.started_at, result=result, failure=failure)
            await session.commit()
        if failure is None:
            logger.info("Job %s (%s) is done: %s", run.job_id, run.kind, result)


@dataclass(frozen=True)
class FullCleanupCounts(CleanupCounts):
    tasks_forgotten: int
    """Jobs deleted because they finished 30 days ago or earlier."""


class FullCleanup:
    """The clean-up and the purge of finished jobs. Safe to run twice at once, and again after it was killed."""

    def __init__(self, *, sessions: async_sessionmaker[Session], cleanup: CleanupService) -> None:
        self._sessions = sessions
        self._cleanup = cleanup

    async def clean_up(self) -> FullCleanupCounts:
        """Run all steps; jobs come first, because the object store, which other steps need, may be away.

        Raises:
            DatabaseUnavailableError, BodyStoreUnavailableError: the next run does the rest.
        """
        purged = await in_batches(self._sessions, storage.purge_jobs)
        return FullCleanupCounts(**vars(await self._cleanup.clean_up()), tasks_forgotten=purged)


class JobHandlers:
    """What runs each kind of job."""

    def __init__(self, *, cleanup: FullCleanup, unused: UnusedCleanup) -> None:
        self._cleanup = cleanup
        self._unused = unused

    def by_kind(self) -> Mapping[JobKind, JobHandler]:
        return {JobKind.CLEAN_UP: self._clean_up, JobKind.ARCHIVE_UNUSED: self._archive_unused}

    async def _clean_up(self, _: int | None) -> JobResult:
        return asdict(await self._cleanup.clean_up())

    async def _archive_unused(self, days: int | None) -> JobResult:
        assert days is not None
        return {"ended": await self._unused.end_entries(days=days)}
