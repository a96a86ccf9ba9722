"""Background tasks of jobs: every ten seconds those that superusers ordered, and the whole clean-up daily."""

from datetime import timedelta

from main_service.admin_jobs.factory import AdminJobFactory
from main_service.admin_jobs.service import FullCleanupCounts
from main_service.background import Queue, task
from main_service.resources import Resources


@task(daily_at="03:00", queue=Queue.SLOW, log="Cleaned up: %s")
async def clean_up(resources: Resources) -> FullCleanupCounts:
    """End what expired, delete texts, empty ended entries, sweep orphans, delete what is old."""
    return await AdminJobFactory(resources).cleanup.clean_up()


@task(every=timedelta(seconds=10), queue=Queue.SLOW, name="do_asked_work", one_at_a_time=True)
async def run_admin_jobs(resources: Resources) -> None:
    """Run the jobs that superusers ordered; one whose worker was killed is restarted after an hour."""
    await AdminJobFactory(resources).runner.run_open()
