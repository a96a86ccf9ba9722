"""Background tasks of jobs: every ten seconds those that superusers ordered, and the whole clean-up daily."""

from dataclasses import asdict
from datetime import timedelta

from main_service.admin_jobs.models import JobKind
from main_service.admin_jobs.service import AdminJobRunner, AllCleaned, JobResult, clean_up_all
from main_service.background import Queue, task
from main_service.cleanup.tasks import archive_of, cleanup_of
from main_service.resources import Resources


@task(daily_at="03:00", queue=Queue.SLOW, log="Cleaned up: %s")
async def clean_up(resources: Resources) -> AllCleaned:
    """End what expired, delete texts, empty ended entries, sweep orphans, delete what is old."""
    return await clean_up_all(cleanup_of(resources), resources.sessions)


@task(every=timedelta(seconds=10), queue=Queue.SLOW, name="do_asked_work", one_at_a_time=True)
async def run_admin_jobs(resources: Resources) -> None:
    """Run the jobs that superusers ordered; one whose worker was killed is restarted after an hour."""

    async def clean(_: int | None) -> JobResult:
        return asdict(await clean_up(resources))

    async def archive(days: int | None) -> JobResult:
        assert days is not None
        return {"ended": await archive_of(resources).archive_unused(days)}

    handlers = {JobKind.CLEAN_UP: clean, JobKind.ARCHIVE_UNUSED: archive}
    await AdminJobRunner(sessions=resources.sessions, handlers=handlers).run_open()
