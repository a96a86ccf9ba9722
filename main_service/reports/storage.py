"""Reports in PostgreSQL: one function per question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update

from main_service.accounts.models import Account
from main_service.collections.models import Collection
from main_service.engines.postgres import Session
from main_service.reports.models import Report

_account = Account.__table__.c
_LONGEST_BUILD = timedelta(hours=1)

_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
# While the file is put into the object store nothing is asked; the usual minute may be too short for that.
_IDLE_FOR = text("SET LOCAL idle_in_transaction_session_timeout = '15min'")
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('report:' || CAST(:id AS text), 0))")


@dataclass(frozen=True)
class Recipient:
    account_id: UUID
    email: str


async def create(session: Session, report: Report) -> None:
    session.add(report)
    await session.flush()
    await session.refresh(report)


async def list_owned(session: Session, owner_id: UUID) -> Sequence[Report]:
    """Newest first."""
    statement = select(Report).where(Report.owner_id == owner_id).order_by(Report.asked_at.desc(), Report.id)
    return list((await session.execute(statement)).scalars())


async def find_owned(session: Session, owner_id: UUID, report_id: UUID) -> Report | None:
    statement = select(Report).where(Report.id == report_id, Report.owner_id == owner_id)
    report: Report | None = (await session.execute(statement)).scalar_one_or_none()
    return report


async def find_of_open_account(session: Session, report_id: UUID) -> Report | None:
    """The report, if its owner could sign in."""
    statement = (
        select(Report)
        .join(Account, _account.id == Report.owner_id)
        .where(Report.id == report_id, _account.is_active, _account.left_at.is_(None))
    )
    report: Report | None = (await session.execute(statement)).scalar_one_or_none()
    return report


async def count_owned(session: Session, owner_id: UUID) -> tuple[int, int]:
    """How many an owner has that wait or are being built, and how many in all, but for those that have expired."""
    is_kept = or_(Report.expires_at.is_(None), Report.expires_at > func.now())
    statement = select(
        func.count().filter(Report.finished_at.is_(None)),
        func.count().filter(is_kept),
    ).where(Report.owner_id == owner_id)
    waiting, kept = (await session.execute(statement)).one()
    return waiting, kept


async def find_collection_by_id(session: Session, owner_id: UUID, collection_id: UUID) -> tuple[UUID, str] | None:
    """Id and name of the owner's collection."""
    statement = select(Collection.id, Collection.name).where(
        Collection.owner_id == owner_id, Collection.id == collection_id
    )
    row = (await session.execute(statement)).first()
    return None if row is None else (row[0], row[1])


async def give_up(session: Session, owner_id: UUID, report_id: UUID) -> bool:
    """Take a report from its owner, for the clean-up to delete; False if they have none of this id."""
    statement = update(Report).where(Report.id == report_id, Report.owner_id == owner_id).values(owner_id=None)
    return (await session.execute(statement.returning(Report.id))).first() is not None


async def list_due(session: Session, *, limit: int) -> Sequence[UUID]:
    """Reports to be built now, those that have waited for longest first."""
    statement = select(Report.id).where(_is_waiting(), Report.due_at <= func.now()).order_by(Report.due_at).limit(limit)
    return list((await session.execute(statement)).scalars())


async def begin_snapshot(session: Session) -> None:
    """Let all that this transaction reads be of one moment. Must come first."""
    await session.execute(_SNAPSHOT)
    await session.execute(_IDLE_FOR)


async def try_lock(session: Session, report_id: UUID) -> bool:
    """Whether nobody else builds this report, and nobody will until this transaction ends, or its process."""
    is_ours: bool = (await session.execute(_TRY_LOCK, {"id": str(report_id)})).scalar_one()
    return is_ours


async def begin(session: Session, report_id: UUID) -> Report | None:
    """The report, noted as begun now; None if it is not to be built any more."""
    statement = (
        update(Report)
        .where(Report.id == report_id, _is_waiting())
        .values(started_at=func.now(), attempts=Report.attempts + 1)
        .returning(Report)
    )
    report: Report | None = (await session.execute(statement)).scalar_one_or_none()
    return report


async def put_off(session: Session, report_id: UUID, *, by: timedelta, counts: bool) -> None:
    """Let an attempt that failed be followed by another. `counts`: whether it was one."""
    statement = update(Report).where(Report.id == report_id, _is_waiting())
    attempts = Report.attempts if counts else Report.attempts - 1
    await session.execute(statement.values(due_at=func.clock_timestamp() + by, attempts=attempts, started_at=None))


async def finish(
    session: Session, report_id: UUID, *, size_bytes: int | None, failure: str | None, kept_for: timedelta
) -> Report | None:
    """Note that a report is there, or was given up; None if nobody wants it any more."""
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
    """Who gets letters of an account; None: its address is not confirmed, or it is disabled or left."""
    statement = select(_account.id, _account.email).where(
        _account.id == account_id, _account.is_verified, _account.is_active, _account.left_at.is_(None)
    )
    row = (await session.execute(statement)).first()
    return None if row is None else Recipient(row[0], row[1])


async def list_files_to_delete(session: Session, *, limit: int) -> Sequence[UUID]:
    """Reports whose files are due to go, locked until the transaction ends."""
    # What is being built is passed by for an hour: its file may be put there a moment after it was deleted.
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


async def note_deleted_files(session: Session, report_ids: Sequence[UUID]) -> None:
    """Forget those of the reports that have no owner; let the others say that they have expired."""
    await session.execute(delete(Report).where(Report.id.in_(report_ids), Report.owner_id.is_(None)))
    await session.execute(update(Report).where(Report.id.in_(report_ids)).values(file_deleted_at=func.now()))


async def forget_expired(session: Session, *, longer_than: timedelta) -> int:
    """Forget the reports that expired so long ago and have no file; return how many."""
    statement = delete(Report).where(
        Report.expires_at <= func.now() - longer_than,
        or_(Report.file_deleted_at.is_not(None), Report.started_at.is_(None)),
    )
    return len((await session.execute(statement.returning(Report.id))).scalars().all())


def _is_waiting() -> ColumnElement[bool]:
    return and_(Report.finished_at.is_(None), Report.owner_id.is_not(None))
