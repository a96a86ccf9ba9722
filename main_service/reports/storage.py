"""SQL of reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update

from main_service.accounts.models import Account
from main_service.engines.postgres import Session
from main_service.reports.models import Report

_account = Account.__table__.c
_LONGEST_BUILD = timedelta(hours=1)

_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
# The transaction is idle while the file is put into the object store, which may take more than the usual minute.
_IDLE_FOR = text("SET LOCAL idle_in_transaction_session_timeout = '15min'")
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('report:' || CAST(:id AS text), 0))")


@dataclass(frozen=True)
class Recipient:
    """An account that emails are sent to."""

    account_id: UUID
    email: str


async def create(session: Session, report: Report) -> None:
    """Insert a report, and read what the database filled in."""
    session.add(report)
    await session.flush()
    await session.refresh(report)


async def list_owned(session: Session, owner_id: UUID) -> Sequence[Report]:
    """All reports of an owner, newest first."""
    statement = select(Report).where(Report.owner_id == owner_id).order_by(Report.asked_at.desc(), Report.id)
    return list((await session.execute(statement)).scalars())


async def find_owned(session: Session, owner_id: UUID, report_id: UUID) -> Report | None:
    statement = select(Report).where(Report.id == report_id, Report.owner_id == owner_id)
    report: Report | None = (await session.execute(statement)).scalar_one_or_none()
    return report


async def find_if_owner_is_active(session: Session, report_id: UUID) -> Report | None:
    """The report; None also if its owner's account is disabled or deleted."""
    statement = (
        select(Report)
        .join(Account, _account.id == Report.owner_id)
        .where(Report.id == report_id, _account.is_active, _account.left_at.is_(None))
    )
    report: Report | None = (await session.execute(statement)).scalar_one_or_none()
    return report


async def count_owned(session: Session, owner_id: UUID) -> tuple[int, int]:
    """The number of an owner's unfinished reports, and the number of all that have not expired."""
    is_kept = or_(Report.expires_at.is_(None), Report.expires_at > func.now())
    statement = select(
        func.count().filter(Report.finished_at.is_(None)),
        func.count().filter(is_kept),
    ).where(Report.owner_id == owner_id)
    waiting, kept = (await session.execute(statement)).one()
    return waiting, kept


async def discard(session: Session, owner_id: UUID, report_id: UUID) -> bool:
    """Take a report from its owner, so that the clean-up deletes it; False: the owner has no such report."""
    statement = update(Report).where(Report.id == report_id, Report.owner_id == owner_id).values(owner_id=None)
    return (await session.execute(statement.returning(Report.id))).first() is not None


async def list_due(session: Session, *, limit: int) -> Sequence[UUID]:
    """Reports to be built now, the longest waiting first."""
    statement = select(Report.id).where(_is_waiting(), Report.due_at <= func.now()).order_by(Report.due_at).limit(limit)
    return list((await session.execute(statement)).scalars())


async def begin_snapshot(session: Session) -> None:
    """Make this transaction read a single snapshot. Must be its first statement."""
    await session.execute(_SNAPSHOT)
    await session.execute(_IDLE_FOR)


async def try_lock(session: Session, report_id: UUID) -> bool:
    """Lock a report for building until this transaction ends; False: another transaction has the lock."""
    is_ours: bool = (await session.execute(_TRY_LOCK, {"id": str(report_id)})).scalar_one()
    return is_ours


async def start_attempt(session: Session, report_id: UUID) -> Report | None:
    """Record that an attempt to build a report starts now; None: the report need not be built any more."""
    statement = (
        update(Report)
        .where(Report.id == report_id, _is_waiting())
        .values(started_at=func.now(), attempts=Report.attempts + 1)
        .returning(Report)
    )
    report: Report | None = (await session.execute(statement)).scalar_one_or_none()
    return report


async def postpone(session: Session, report_id: UUID, *, by: timedelta, counts: bool) -> None:
    """Let another attempt follow a failed one. `counts`: whether the failed one counts as an attempt."""
    statement = update(Report).where(Report.id == report_id, _is_waiting())
    attempts = Report.attempts if counts else Report.attempts - 1
    await session.execute(statement.values(due_at=func.clock_timestamp() + by, attempts=attempts, started_at=None))


async def finish(
    session: Session, report_id: UUID, *, size_bytes: int | None, failure: str | None, kept_for: timedelta
) -> Report | None:
    """Record that a report is ready, or has failed for good (`failure`); None: it was deleted meanwhile."""
    statement = (
        update(Report)
        .where(Report.id == report_id, _is_waiting())
        .values(
            finished_at=func.now(),
            size_bytes=size_bytes,
            failure=failure,
            expires_at=func.now() + kept_for,
        )
        .returning(Report)
    )
    report: Report | None = (await session.execute(statement)).scalar_one_or_none()
    return report


async def find_recipient(session: Session, account_id: UUID) -> Recipient | None:
    """The account as a recipient of emails; None: its address is unconfirmed, or it is disabled or deleted."""
    statement = select(_account.id, _account.email).where(
        _account.id == account_id, _account.is_verified, _account.is_active, _account.left_at.is_(None)
    )
    row = (await session.execute(statement)).first()
    return None if row is None else Recipient(row[0], row[1])


async def list_files_to_delete(session: Session, *, limit: int) -> Sequence[UUID]:
    """Reports whose files are due to be deleted, locked until the transaction ends."""
    # A report that is being built is skipped for an hour: its file may be stored a moment after it was deleted.
    is_built = and_(Report.finished_at.is_(None), Report.started_at > func.now() - _LONGEST_BUILD)
    has_file = and_(Report.started_at.is_not(None), Report.file_deleted_at.is_(None))
    statement = (
        select(Report.id)
        .where(
            or_(
                and_(Report.owner_id.is_(None), ~func.coalesce(is_built, False)),
                and_(Report.expires_at <= func.now(), has_file),
            )
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list((await session.execute(statement)).scalars())


async def mark_files_deleted(session: Session, report_ids: Sequence[UUID]) -> None:
    """Record that the files of reports were deleted; reports without an owner are deleted too."""
    await session.execute(delete(Report).where(Report.id.in_(report_ids), Report.owner_id.is_(None)))
    await session.execute(update(Report).where(Report.id.in_(report_ids)).values(file_deleted_at=func.now()))


async def delete_expired(session: Session, *, longer_than: timedelta) -> int:
    """Delete reports that expired longer ago than `longer_than` and have no file; return how many."""
    statement = delete(Report).where(
        Report.expires_at <= func.now() - longer_than,
        or_(Report.file_deleted_at.is_not(None), Report.started_at.is_(None)),
    )
    return len((await session.execute(statement.returning(Report.id))).scalars().all())


def _is_waiting() -> ColumnElement[bool]:
    return and_(Report.finished_at.is_(None), Report.owner_id.is_not(None))
