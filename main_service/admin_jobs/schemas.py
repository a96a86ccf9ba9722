"""What work that was asked for looks like on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from main_service.admin_jobs.models import AdminTask, Work
from main_service.admin_jobs.service import JobState, state_of


class AskedOut(BaseModel):
    id: UUID
    state: JobState


class TaskOut(AskedOut):
    work: Work
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: dict[str, int] | None = Field(description="What was done, as counts; null unless the state is `done`.")
    failure: str | None = Field(description="Why it failed; null unless the state is `failed`.")

    @classmethod
    def of(cls, task: AdminTask) -> "TaskOut":
        return cls(
            id=task.id,
            state=state_of(task),
            work=task.work,
            asked_at=task.asked_at,
            started_at=task.started_at,
            finished_at=task.finished_at,
            result=task.result,
            failure=task.failure,
        )
