"""Work that a superuser asked for."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Enum, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from main_service.engines.postgres import Base


class JobKind(StrEnum):
    CLEAN_UP = "clean_up"
    ARCHIVE_UNUSED = "archive_unused"


class AdminTask(Base):
    """Asked for by a request, found and done by the worker."""

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
    """Of `archive_unused`: how long an entry was not used."""
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    """What was done, by counts; None while it is not finished, or has failed."""
    failure: Mapped[str | None]
    """Why it failed, for people."""
