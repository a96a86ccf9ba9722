"""Entries in PostgreSQL: one function per question."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select, text, update

from main_service.database import Session
from main_service.entries.live_entry import LiveEntry
from main_service.entries.models import ArchivalReason, BodyToDelete, Entry, StaleKey

# SQLAlchemy compiles an insert with ON CONFLICT anew each time, which takes longer than PostgreSQL needs for the row.
_CREATE = text(
    """
    INSERT INTO entry (key, kind, title, visibility, created_at, updated_at, expires_at,
                       original_url, body_id, size_bytes, syntax)
    VALUES (:key, :kind, :title, :visibility, :created_at, :updated_at, :expires_at,
            :original_url, :body_id, :size_bytes, :syntax)
    ON CONFLICT (key) DO NOTHING
    RETURNING key
    """
)


async def create(session: Session, entry: LiveEntry) -> bool:
    """Insert a row of `entry`; False, with nothing changed, when its key is or was in use."""
    return (await session.execute(_CREATE, asdict(entry))).first() is not None


async def find(session: Session, key: str) -> Entry | None:
    """The row of `key`, live or ended."""
    entry: Entry | None = (await session.execute(select(Entry).where(Entry.key == key))).scalar_one_or_none()
    return entry


async def find_for_update(session: Session, key: str) -> Entry | None:
    """The row of `key`, locked until the transaction ends."""
    statement = select(Entry).where(Entry.key == key).with_for_update()
    entry: Entry | None = (await session.execute(statement)).scalar_one_or_none()
    return entry


async def change(session: Session, entry: Entry, values: dict[str, Any]) -> None:
    """Change a row, and note that Redis may hold what it was."""
    for name, value in values.items():
        setattr(entry, name, value)
    await session.flush()
    await session.execute(insert(StaleKey).values(key=entry.key))


async def end(session: Session, entry: Entry, reason: ArchivalReason) -> None:
    """End a live row and queue its text, if it has one, to be deleted."""
    await change(session, entry, {"ended_at": datetime.now(UTC), "archival_reason": reason})
    if entry.body_id is not None:
        await queue_body(session, entry.body_id)


async def queue_body(session: Session, body_id: UUID) -> None:
    """Note that nobody may read this text any more."""
    await session.execute(insert(BodyToDelete).values(body_id=body_id))


async def note_deleted_bodies(session: Session, body_ids: Sequence[UUID]) -> None:
    """Take texts that the object store no longer has off the list, and say so in the entries that ended with them."""
    await session.execute(delete(BodyToDelete).where(BodyToDelete.body_id.in_(body_ids)))
    statement = update(Entry).where(Entry.body_id.in_(body_ids), Entry.ended_at.is_not(None))
    await session.execute(statement.values(body_deleted_at=func.now()))


async def list_stale_keys(session: Session, *, after_id: int, limit: int) -> Sequence[StaleKey]:
    """The oldest changes beyond `after_id` that Redis may not have."""
    statement = select(StaleKey).where(StaleKey.id > after_id).order_by(StaleKey.id).limit(limit)
    return list((await session.execute(statement)).scalars())


async def settle_stale_keys(session: Session, stale_keys: Sequence[StaleKey], *, grace: timedelta) -> None:
    """After their tombstones were written: note when for the new ones, forget those noted longer than `grace` ago."""
    now = datetime.now(UTC)
    settled = [stale.id for stale in stale_keys if stale.applied_at and stale.applied_at < now - grace]
    written = [stale.id for stale in stale_keys if stale.applied_at is None]
    await session.execute(delete(StaleKey).where(StaleKey.id.in_(settled)))
    await session.execute(update(StaleKey).where(StaleKey.id.in_(written)).values(applied_at=now))
