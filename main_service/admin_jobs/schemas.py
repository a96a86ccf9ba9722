"""What work that was asked for looks like on the wire."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from main_service.admin_jobs.models import AdminTask, JobKind
from main_service.admin_jobs.service import JobState, state_of


# JobKind by the name that it has in the OpenAPI document, where a docstring would be its description.
class Work(StrEnum):
    CLEAN_UP = JobKind.CLEAN_UP.value
    ARCHIVE_UNUSED = JobKind.ARCHIVE_UNUSED.value


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
            work=Work(task.kind),
            asked_at=task.asked_at,
            started_at=task.started_at,
            finished_at=task.finished_at,
            result=task.result,
            failure=task.failure,
        )
