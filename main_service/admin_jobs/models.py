"""Jobs that superusers order."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Enum, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from main_service.engines.postgres import Base
from main_service.monitoring.tracing import current_trace_parent


class JobKind(StrEnum):
    """What a job does."""

    CLEAN_UP = "clean_up"
    ARCHIVE_UNUSED = "archive_unused"


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class AdminJob(Base):
    """Ordered by a request, found and run by the worker. Deleted 30 days after it finished."""

    __tablename__ = "admin_task"
    __table_args__ = (Index("ix_admin_task_asked_at_open", "asked_at", postgresql_where=text("finished_at IS NULL")),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[JobKind] = mapped_column(
        "work",
        Enum(
            JobKind,
            name="work",
            native_enum=False,
            create_constraint=True,
            length=16,
            values_callable=lambda enum: [word.value for word in enum],
        ),
    )
    days: Mapped[int | None]
    """With `archive_unused`: how long an entry has not been used. None with other kinds."""
    ordered_at: Mapped[datetime] = mapped_column("asked_at", server_default=text("now()"))
    started_at: Mapped[datetime | None]
    """When the last run began. A run that was killed is followed by another one."""
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """Counts of what was done; None while the job is not finished, or if it failed."""
    failure: Mapped[str | None]
    """Why it failed, as a sentence for the superuser; None if it did not."""
    trace_parent: Mapped[str | None] = mapped_column(default=current_trace_parent)
    """The span in which it was ordered, as a W3C `traceparent`; None: traces were off."""

    @property
    def state(self) -> JobState:
        """Derived from the times of start and end, and from `failure`."""
        if self.finished_at is not None:
            return JobState.DONE if self.failure is None else JobState.FAILED
        return JobState.WAITING if self.started_at is None else JobState.RUNNING
