"""What jobs look like on the wire."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, Field

from main_service.admin_jobs.models import AdminJob, JobKind, JobState


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
    def of(cls, job: AdminJob) -> "TaskOut":
        return cls(
            id=job.id,
            state=job.state,
            work=Work(job.kind),
            asked_at=job.ordered_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            result=job.result,
            failure=job.failure,
        )
