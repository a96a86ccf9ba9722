"""The table of reports."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, Enum, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from main_service.accounts.models import Account
from main_service.engines.postgres import Base
from main_service.monitoring.tracing import current_trace_parent


class ReportFormat(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"
    """A zip archive of CSV files."""


class Report(Base):
    """A report that a user ordered: waiting, being built, ready, or failed.

    Its file is stored under the report's id, and deleted before the row, so that no file is left without a row.
    """

    __tablename__ = "report"
    __table_args__ = (
        CheckConstraint("first_day <= last_day", name="days"),
        CheckConstraint("finished_at IS NOT NULL OR (size_bytes IS NULL AND failure IS NULL)", name="finished"),
        Index("ix_report_owner_id_asked_at", "owner_id", "asked_at"),
        Index("ix_report_due_at_waiting", "due_at", postgresql_where=text("finished_at IS NULL")),
        Index("ix_report_expires_at", "expires_at"),
        Index("ix_report_given_up", "id", postgresql_where=text("owner_id IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey(Account.__table__.c.id, ondelete="SET NULL"))
    """None: the owner deleted the report or the account, and the next clean-up deletes file and row."""
    format: Mapped[ReportFormat] = mapped_column(
        Enum(
            ReportFormat,
            name="format",
            native_enum=False,
            create_constraint=True,
            length=16,
            values_callable=lambda enum: [word.value for word in enum],
        )
    )
    collection_id: Mapped[UUID | None]
    """None: the report is about all entries. The collection may have been deleted since."""
    collection_name: Mapped[str | None]
    """The collection's name when the report was ordered."""
    first_day: Mapped[date] = mapped_column(Date)
    """The first day, in UTC."""
    last_day: Mapped[date] = mapped_column(Date)
    """The last day, in UTC, included."""
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    """The next attempt does not start before."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """How many attempts were started, without those that failed because a part of the service was down."""
    started_at: Mapped[datetime | None]
    """When the last attempt started."""
    finished_at: Mapped[datetime | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """The size of the file; None while there is none."""
    failure: Mapped[str | None]
    """Why it failed, as a sentence for people."""
    expires_at: Mapped[datetime | None]
    """When the file is deleted, or the failed report stops counting; None while it is not finished."""
    file_deleted_at: Mapped[datetime | None]
    trace_parent: Mapped[str | None] = mapped_column(default=current_trace_parent)
    """The span in which it was ordered, as a W3C `traceparent`; None: traces were off."""
