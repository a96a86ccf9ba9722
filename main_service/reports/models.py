"""The table of reports."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, Enum, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from main_service.accounts.models import Account
from main_service.engines.postgres import Base


class ReportFormat(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"
    """A zip archive of them."""


class Report(Base):
    """A report that a user asked for: waiting, being built, there, or given up.

    Its file has the report's id, and is deleted before the row is, so that none is left without one.
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
    """None: its owner has deleted it or the account, and the next clean-up deletes file and row."""
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
    """None: of all entries. The collection itself may be gone."""
    collection_name: Mapped[str | None]
    """As it was when the report was asked for."""
    first_day: Mapped[date] = mapped_column(Date)
    """Of UTC, like the last, which is included."""
    last_day: Mapped[date] = mapped_column(Date)
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    """Not to be tried before."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """How often it was begun; those that a part of the service was away for do not count."""
    started_at: Mapped[datetime | None]
    """When the last attempt began."""
    finished_at: Mapped[datetime | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    """Of its file; None while there is none."""
    failure: Mapped[str | None]
    """Why it was given up, for people."""
    expires_at: Mapped[datetime | None]
    """When its file goes, or what is known of its failure; None while it is not finished."""
    file_deleted_at: Mapped[datetime | None]
