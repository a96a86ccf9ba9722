"""Jobs in PostgreSQL: one function per question."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, update

from main_service.admin_jobs.models import AdminJob
from main_service.engines.batches import delete_batch
from main_service.engines.postgres import Session

JOB_RETENTION = timedelta(days=30)
"""How long a finished job is kept."""


async def create_job(session: Session, job: AdminJob) -> None:
    session.add(job)
    await session.flush()
    await session.refresh(job)


async def find_job(session: Session, job_id: UUID) -> AdminJob | None:
    job: AdminJob | None = await session.get(AdminJob, job_id)
    return job


async def take_job(session: Session, *, restart_after: timedelta) -> AdminJob | None:
    """The oldest job that waits, or has run for longer than `restart_after`, marked as started now; None: no job is."""
    is_free = or_(AdminJob.started_at.is_(None), AdminJob.started_at < func.now() - restart_after)
    free = (
        select(AdminJob)
        .where(AdminJob.finished_at.is_(None), is_free)
        .order_by(AdminJob.ordered_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    job: AdminJob | None = (await session.execute(free)).scalar_one_or_none()
    if job is not None:
        await session.execute(update(AdminJob).where(AdminJob.id == job.id).values(started_at=func.now()))
        await session.refresh(job)
    return job


async def finish_job(
    session: Session, job_id: UUID, *, started_at: datetime, result: dict[str, int] | None, failure: str | None
) -> None:
    """Store how a run ended, unless another run has started since `started_at`."""
    ours = update(AdminJob).where(
        AdminJob.id == job_id, AdminJob.started_at == started_at, AdminJob.finished_at.is_(None)
    )
    # None would become a JSON null, not an SQL NULL.
    values = {"failure": failure} if result is None else {"result": result}
    await session.execute(ours.values(finished_at=func.now(), **values))


async def purge_jobs(session: Session, *, limit: int) -> int:
    """Delete at most `limit` jobs that finished longer ago than `JOB_RETENTION`; return how many."""
    is_old = AdminJob.finished_at <= func.now() - JOB_RETENTION
    return await delete_batch(session, AdminJob.id, is_old, limit=limit)
