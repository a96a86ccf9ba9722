"""The tables of imports."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from main_service.accounts.models import Account
from main_service.engines.postgres import Base


class Verdict(StrEnum):
    """What became of an item of a file."""

    CREATED = "created"
    WOULD_BE_CREATED = "would_be_created"
    """The verdict of a dry run."""
    KNOWN = "known"
    """It was imported before, or its owner has it here."""
    SKIPPED = "skipped"
    """There is nothing to carry over."""
    FAILED = "failed"


class ImportJob(Base):
    """An import that a user ordered: waiting, running, done, stopped, or failed.

    Its file is stored under its id until it is over, and deleted before the row, so that no file is without a row.
    """

    __tablename__ = "import_job"
    __table_args__ = (
        Index("ix_import_job_owner_id_asked_at", "owner_id", "asked_at"),
        Index("ix_import_job_asked_at_waiting", "asked_at", postgresql_where=text("finished_at IS NULL")),
        Index("ix_import_job_with_file", "id", postgresql_where=text("file_deleted_at IS NULL")),
        Index("ix_import_job_finished_at", "finished_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey(Account.__table__.c.id, ondelete="SET NULL"))
    """None: the account is gone, and the next clean-up deletes file and row."""
    format: Mapped[str]
    file_name: Mapped[str]
    """The name that its owner gave it, without unprintable characters."""
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    is_dry_run: Mapped[bool]
    asked_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    """When its owner stopped it; None: they didn't. It is finished then."""
    failure: Mapped[str | None]
    """Why it ended before the end of its file, as a sentence for people."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """How many runs were started since it last advanced. A run that is killed leaves no other trace."""
    position: Mapped[int] = mapped_column(server_default=text("0"))
    """How many items of the file are settled. The next run continues after them."""
    created: Mapped[int] = mapped_column(server_default=text("0"))
    """Entries, and collections without entries, that were created; in a dry run, that would be."""
    known: Mapped[int] = mapped_column(server_default=text("0"))
    skipped: Mapped[int] = mapped_column(server_default=text("0"))
    failed: Mapped[int] = mapped_column(server_default=text("0"))
    file_deleted_at: Mapped[datetime | None]


class ImportLine(Base):
    """What became of an item of a file. Deleted with its import."""

    __tablename__ = "import_line"

    job_id: Mapped[UUID] = mapped_column(ForeignKey(ImportJob.id, ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """The first is 1."""
    place: Mapped[str]
    """Where it stands in the file, for people."""
    verdict: Mapped[str]
    key: Mapped[str | None] = mapped_column(Text(collation="C"))
    """The key of its entry; in a dry run the key that it would get, None: a new one."""
    message: Mapped[str | None]


class ImportedEntry(Base):
    """What was imported once, so that it never is again."""

    __tablename__ = "imported_entry"

    owner_id: Mapped[UUID] = mapped_column(ForeignKey(Account.__table__.c.id, ondelete="CASCADE"), primary_key=True)
    source_digest: Mapped[bytes] = mapped_column(primary_key=True)
    """SHA-256 of the service that it comes from and of its id there."""
    entry_key: Mapped[str] = mapped_column(Text(collation="C"))
