"""The clean-up's questions to PostgreSQL. Each takes a batch and passes by rows that somebody else has locked."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, insert, or_, select, tuple_, update

from main_service.database import Session
from main_service.entries.attempts import REMEMBERED_FOR
from main_service.entries.models import ArchivalReason, BodyToDelete, Entry, IdempotencyKey


async def end_expired(session: Session, *, limit: int) -> int:
    """End at most `limit` entries whose time is over and queue their texts; return how many."""
    over = (
        select(Entry.key)
        .where(Entry.ended_at.is_(None), Entry.expires_at <= func.now())
        .order_by(Entry.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ended = (
        update(Entry)
        .where(Entry.key.in_(over.scalar_subquery()))
        .values(ended_at=Entry.expires_at, archival_reason=ArchivalReason.EXPIRED)
        .returning(Entry.body_id)
        .execution_options(synchronize_session=False)
    )
    body_ids = (await session.execute(ended)).scalars().all()
    queued = [{"body_id": body_id} for body_id in body_ids if body_id is not None]
    if queued:
        await session.execute(insert(BodyToDelete), queued)
    return len(body_ids)


async def list_bodies_to_delete(session: Session, *, before: datetime, limit: int) -> Sequence[UUID]:
    """Texts due before an instant, locked until the transaction ends."""
    statement = (
        select(BodyToDelete.body_id)
        .where(BodyToDelete.due_at <= before)
        .order_by(BodyToDelete.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    body_ids: Sequence[UUID] = (await session.execute(statement)).scalars().all()
    return body_ids


async def empty_ended(session: Session, *, limit: int) -> int:
    """Take from at most `limit` ended entries all but key, kind, reason and times; return how many.

    An entry whose text is yet to be deleted waits, so that it is written down when that was done.
    """
    has_text = select(BodyToDelete.body_id).where(BodyToDelete.body_id == Entry.body_id).exists()
    full = (
        select(Entry.key)
        .where(
            Entry.ended_at.is_not(None),
            or_(Entry.original_url.is_not(None), Entry.body_id.is_not(None)),
            ~has_text,
        )
        .order_by(Entry.ended_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    emptied = (
        update(Entry)
        .where(Entry.key.in_(full.scalar_subquery()))
        .values(title=None, original_url=None, body_id=None, size_bytes=None, syntax=None)
        .returning(Entry.key)
        .execution_options(synchronize_session=False)
    )
    return len((await session.execute(emptied)).scalars().all())


async def forget_attempts(session: Session, *, limit: int) -> int:
    """Delete at most `limit` requests that may not be repeated any more; return how many."""
    old = (
        select(IdempotencyKey.scope, IdempotencyKey.key)
        .where(IdempotencyKey.created_at <= func.now() - REMEMBERED_FOR)
        .order_by(IdempotencyKey.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    forgotten = (
        delete(IdempotencyKey)
        .where(tuple_(IdempotencyKey.scope, IdempotencyKey.key).in_(old))
        .returning(IdempotencyKey.key)
        .execution_options(synchronize_session=False)
    )
    return len((await session.execute(forgotten)).scalars().all())


async def find_known_bodies(session: Session, body_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the texts that a row names, to be kept or to be deleted."""
    owned = await session.execute(select(Entry.body_id).where(Entry.body_id.in_(body_ids)))
    queued = await session.execute(select(BodyToDelete.body_id).where(BodyToDelete.body_id.in_(body_ids)))
    return {*owned.scalars(), *queued.scalars()}
