"""SQL of imports."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, exists, func, insert, or_, select, text, update

from main_service.accounts.models import Account
from main_service.engines.batches import delete_batch
from main_service.engines.postgres import Session
from main_service.entries import storage as entries
from main_service.entries.models import Entry
from main_service.transfer.models import ImportedEntry, ImportJob, ImportLine, Verdict

_account = Account.__table__.c
_open_accounts = select(_account.id).where(_account.is_active, _account.left_at.is_(None))

# The transaction is idle while batches are imported in others, which takes longer than the usual minute.
_IDLE_FOR = text("SET LOCAL idle_in_transaction_session_timeout = '2h'")
# By owner and not by job: two imports of one user at once could create the same entry.
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended('import:' || CAST(:owner_id AS text), 0))")
_COUNT_IMPORTED = text(
    """
    UPDATE entry SET imported_visit_count = imported.visits, imported_bot_count = imported.bots, used_at = now()
    FROM unnest(CAST(:keys AS text[]), CAST(:visits AS bigint[]), CAST(:bots AS bigint[]))
         AS imported (key, visits, bots)
    WHERE entry.key = imported.key
    """
)


_is_waiting = (ImportJob.finished_at.is_(None), ImportJob.owner_id.in_(_open_accounts))


class WaitingImport(NamedTuple):
    id: UUID
    owner_id: UUID


@dataclass(frozen=True)
class Line:
    """What became of an item."""

    position: int
    place: str
    verdict: Verdict
    key: str | None = None
    message: str | None = None


async def create(session: Session, job: ImportJob) -> None:
    session.add(job)
    await session.flush()
    await session.refresh(job)


async def list_owned(session: Session, owner_id: UUID) -> Sequence[ImportJob]:
    """All imports of an owner, newest first."""
    statement = select(ImportJob).where(ImportJob.owner_id == owner_id)
    return list((await session.execute(statement.order_by(ImportJob.asked_at.desc(), ImportJob.id))).scalars())


async def find_owned(session: Session, owner_id: UUID, job_id: UUID) -> ImportJob | None:
    statement = select(ImportJob).where(ImportJob.id == job_id, ImportJob.owner_id == owner_id)
    found: ImportJob | None = (await session.execute(statement)).scalar_one_or_none()
    return found


async def count_owned(session: Session, owner_id: UUID) -> tuple[int, int]:
    """How many of an owner's imports aren't over, and how many were ordered within a day."""
    statement = select(
        func.count().filter(ImportJob.finished_at.is_(None)),
        func.count().filter(ImportJob.asked_at > func.now() - timedelta(days=1)),
    ).where(ImportJob.owner_id == owner_id)
    waiting, recent = (await session.execute(statement)).one()
    return waiting, recent


async def stop(session: Session, job_id: UUID) -> bool:
    """End an import as stopped; False: it is over already. A run that is at it finds out with its next batch."""
    statement = update(ImportJob).where(ImportJob.id == job_id, ImportJob.finished_at.is_(None))
    statement = statement.values(stopped_at=func.now(), finished_at=func.now())
    return (await session.execute(statement.returning(ImportJob.id))).first() is not None


async def list_lines(session: Session, job_id: UUID, *, after: int, limit: int) -> Sequence[ImportLine]:
    """At most `limit` lines behind a position, in their order."""
    statement = select(ImportLine).where(ImportLine.job_id == job_id, ImportLine.position > after)
    return list((await session.execute(statement.order_by(ImportLine.position).limit(limit))).scalars())


async def list_faults(session: Session, job_id: UUID, *, limit: int) -> Sequence[ImportLine]:
    """The first lines that failed; then, in place of further ones, those of which there is something to say."""
    has_failed = ImportLine.verdict == Verdict.FAILED.value
    is_told = or_(has_failed, and_(ImportLine.message.is_not(None), ImportLine.verdict != Verdict.KNOWN.value))
    statement = select(ImportLine).where(ImportLine.job_id == job_id, is_told)
    in_order = statement.order_by(has_failed.desc(), ImportLine.position)
    return list((await session.execute(in_order.limit(limit))).scalars())


async def list_waiting(session: Session, *, limit: int) -> Sequence[WaitingImport]:
    """The oldest import of each owner that isn't over, by how long it waits. Those of disabled accounts wait aside."""
    oldest = (
        select(ImportJob.id, ImportJob.owner_id, ImportJob.asked_at)
        .distinct(ImportJob.owner_id)
        .where(*_is_waiting)
        .order_by(ImportJob.owner_id, ImportJob.asked_at, ImportJob.id)
        .subquery()
    )
    statement = select(oldest.c.id, oldest.c.owner_id).order_by(oldest.c.asked_at).limit(limit)
    return [WaitingImport(*row) for row in await session.execute(statement)]


async def do_others_wait(session: Session, job: ImportJob) -> bool:
    """Whether imports of other owners wait."""
    statement = select(exists().where(*_is_waiting, ImportJob.owner_id != job.owner_id))
    return bool((await session.execute(statement)).scalar_one())


async def try_lock(session: Session, owner_id: UUID) -> bool:
    """Lock the imports of an owner until this transaction ends; False: another transaction has the lock."""
    await session.execute(_IDLE_FOR)
    is_ours: bool = (await session.execute(_TRY_LOCK, {"owner_id": str(owner_id)})).scalar_one()
    return is_ours


async def start_attempt(session: Session, job_id: UUID) -> ImportJob | None:
    """Record that a run of an import starts now; None: it is over, or its owner's account is disabled or deleted."""
    statement = (
        update(ImportJob)
        .where(ImportJob.id == job_id, ImportJob.finished_at.is_(None), ImportJob.owner_id.in_(_open_accounts))
        .values(started_at=func.coalesce(ImportJob.started_at, func.now()), attempts=ImportJob.attempts + 1)
        .returning(ImportJob)
    )
    job: ImportJob | None = (await session.execute(statement)).scalar_one_or_none()
    return job


async def advance(session: Session, job_id: UUID, lines: Sequence[Line]) -> bool:
    """Record what became of the next items; False: the import was stopped, its owner's account is disabled or deleted,
    or another run has settled them.
    """
    counts: dict[str, Any] = {
        column.key: column + sum(line.verdict in verdicts for line in lines)
        for column, verdicts in (
            (ImportJob.created, (Verdict.CREATED, Verdict.WOULD_BE_CREATED)),
            (ImportJob.known, (Verdict.KNOWN,)),
            (ImportJob.skipped, (Verdict.SKIPPED,)),
            (ImportJob.failed, (Verdict.FAILED,)),
        )
    }
    statement = (
        update(ImportJob)
        .where(
            ImportJob.id == job_id,
            ImportJob.finished_at.is_(None),
            ImportJob.position == lines[0].position - 1,
            ImportJob.owner_id.in_(_open_accounts),
        )
        .values(position=lines[-1].position, attempts=1, **counts)
        .returning(ImportJob.id)
    )
    if (await session.execute(statement)).first() is None:
        return False
    await session.execute(insert(ImportLine), [{"job_id": job_id, **asdict(line)} for line in lines])
    return True


async def reset_attempts(session: Session, job_id: UUID) -> None:
    """Start the count of attempts again: this run ended because a part of the service was unavailable."""
    await session.execute(update(ImportJob).where(ImportJob.id == job_id).values(attempts=0))


async def is_over(session: Session, job_id: UUID) -> bool:
    statement = select(ImportJob.finished_at.is_not(None)).where(ImportJob.id == job_id)
    return bool((await session.execute(statement)).scalar_one_or_none())


async def finish(session: Session, job_id: UUID, *, failure: str | None) -> None:
    """Record that an import is over, unless it is already. `failure`: why it ended early; None: it didn't."""
    statement = update(ImportJob).where(ImportJob.id == job_id, ImportJob.finished_at.is_(None))
    await session.execute(statement.values(finished_at=func.now(), failure=failure))


async def list_known(session: Session, owner_id: UUID, digests: Sequence[bytes]) -> dict[bytes, str]:
    """The keys of what was imported before, by the digests of its sources."""
    statement = select(ImportedEntry.source_digest, ImportedEntry.entry_key).where(
        ImportedEntry.owner_id == owner_id, ImportedEntry.source_digest.in_(digests)
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


async def list_owned_keys(session: Session, owner_id: UUID, keys: Sequence[str]) -> dict[str, datetime]:
    """Which of the keys name live entries of the owner, each with the time of its creation."""
    statement = select(Entry.key, Entry.created_at).where(
        Entry.key.in_(keys), Entry.owner_id == owner_id, Entry.ended_at.is_(None), entries.is_not_over()
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


async def list_used_keys(session: Session, keys: Sequence[str]) -> set[str]:
    """Which of the keys are or were in use."""
    return set((await session.execute(select(Entry.key).where(Entry.key.in_(keys)))).scalars())


async def remember(session: Session, owner_id: UUID, imported: dict[bytes, str]) -> None:
    """Record what was imported: the keys by the digests of its sources."""
    rows = [{"owner_id": owner_id, "source_digest": digest, "entry_key": key} for digest, key in imported.items()]
    await session.execute(insert(ImportedEntry), rows)


async def count_visits(session: Session, visits: dict[str, tuple[int, int]]) -> None:
    """Record how many visits of people and of crawlers were counted elsewhere, by the keys of new entries.

    Their use is noted too: an old entry that has just been imported isn't to end as unused.
    """
    people, bots = ([each[place] for each in visits.values()] for place in (0, 1))
    await session.execute(_COUNT_IMPORTED, {"keys": list(visits), "visits": people, "bots": bots})


async def list_files_to_delete(session: Session, *, limit: int) -> Sequence[UUID]:
    """Imports that are over or have no owner and have a file, locked until the transaction ends."""
    is_over = or_(ImportJob.finished_at.is_not(None), ImportJob.owner_id.is_(None))
    statement = select(ImportJob.id).where(is_over, ImportJob.file_deleted_at.is_(None)).limit(limit)
    return list((await session.execute(statement.with_for_update(skip_locked=True))).scalars())


async def mark_files_deleted(session: Session, job_ids: Sequence[UUID]) -> None:
    await session.execute(update(ImportJob).where(ImportJob.id.in_(job_ids)).values(file_deleted_at=func.now()))


async def delete_old(session: Session, *, kept_for: timedelta, limit: int) -> int:
    """Delete imports that were over before, or have no owner, and have no file; return how many."""
    is_old = or_(ImportJob.finished_at <= func.now() - kept_for, ImportJob.owner_id.is_(None))
    return await delete_batch(session, ImportJob.id, is_old & ImportJob.file_deleted_at.is_not(None), limit=limit)
