"""Jobs in PostgreSQL: one function per question."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select, update

from main_service.admin_jobs.models import AdminTask
from main_service.engines.batches import delete_batch
from main_service.engines.postgres import Session

FORGET_TASKS_AFTER = timedelta(days=30)


async def create_task(session: Session, task: AdminTask) -> None:
    session.add(task)
    await session.flush()
    await session.refresh(task)


async def find_task(session: Session, task_id: UUID) -> AdminTask | None:
    task: AdminTask | None = await session.get(AdminTask, task_id)
    return task


async def begin_task(session: Session, *, again_after: timedelta) -> AdminTask | None:
    """The oldest task that nobody has begun, or not finished so long after, noted as begun now."""
    is_free = or_(AdminTask.started_at.is_(None), AdminTask.started_at < func.now() - again_after)
    free = (
        select(AdminTask)
        .where(AdminTask.finished_at.is_(None), is_free)
        .order_by(AdminTask.asked_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    task: AdminTask | None = (await session.execute(free)).scalar_one_or_none()
    if task is not None:
        await session.execute(update(AdminTask).where(AdminTask.id == task.id).values(started_at=func.now()))
        await session.refresh(task)
    return task


async def finish_task(
    session: Session, task_id: UUID, *, started_at: datetime, result: dict[str, int] | None, failure: str | None
) -> None:
    """Note how a task ended, unless somebody else has begun it again since `started_at`."""
    ours = update(AdminTask).where(
        AdminTask.id == task_id, AdminTask.started_at == started_at, AdminTask.finished_at.is_(None)
    )
    # JSONB would hold a null of its own kind.
    values = {"failure": failure} if result is None else {"result": result}
    await session.execute(ours.values(finished_at=func.now(), **values))


async def forget_tasks(session: Session, *, limit: int) -> int:
    """Delete at most `limit` tasks that were finished long ago; return how many."""
    is_old = AdminTask.finished_at <= func.now() - FORGET_TASKS_AFTER
    return await delete_batch(session, AdminTask.id, is_old, limit=limit)
