"""The clean-up in PostgreSQL: each function takes a batch and skips rows that another transaction has locked."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from main_service.accounts.models import RevokedSession
from main_service.collections.models import CollectionEntry
from main_service.engines.batches import delete_batch
from main_service.engines.postgres import Session
from main_service.entries import link_targets
from main_service.entries.idempotency import REMEMBERED_FOR
from main_service.entries.models import ArchivalReason, BodyToDelete, Entry, IdempotencyKey, Invalidation
from main_service.entries.storage import is_not_over
from main_service.visits import imported_figures

_last_use = func.greatest(Entry.updated_at, Entry.last_visit_at, Entry.used_at)
"""The expression of the index; `greatest` ignores nulls."""
_KEPT = {"owner_id", "expires_at", "views_left", "ended_at", "archival_reason", "body_deleted_at"}
"""What stays of an ended entry, of all that can be null."""
_EMPTY: dict[str, None] = dict.fromkeys(
    column.name for column in Entry.__table__.columns if column.nullable and column.name not in _KEPT
)


async def end_expired(session: Session, *, limit: int) -> int:
    """End at most `limit` entries whose time is over and queue their texts; return how many."""
    over = select(Entry.key).where(Entry.ended_at.is_(None), Entry.expires_at <= func.now()).order_by(Entry.expires_at)
    return len(await _end(session, over.limit(limit), ended_at=Entry.expires_at, reason=ArchivalReason.EXPIRED))


async def end_unused(session: Session, *, older_than: timedelta, limit: int) -> list[str]:
    """End at most `limit` entries last used longer ago than `older_than`, and queue their texts; return their keys.

    Adds them to the invalidation outbox. Entries that have expired are left to `end_expired`.
    """
    unused = (
        select(Entry.key)
        .where(
            Entry.ended_at.is_(None),
            _last_use < func.now() - older_than,
            is_not_over(),
        )
        .order_by(_last_use)
        .limit(limit)
    )
    keys = await _end(session, unused, ended_at=func.now(), reason=ArchivalReason.UNUSED)
    if keys:
        await session.execute(insert(Invalidation), [{"key": key} for key in keys])
    return keys


async def _end(
    session: Session, keys: Select[tuple[str]], *, ended_at: SQLColumnExpression[Any], reason: ArchivalReason
) -> list[str]:
    """End these entries, except for locked ones, and queue their texts; return the keys."""
    ended = (
        update(Entry)
        .where(Entry.key.in_(keys.with_for_update(skip_locked=True).scalar_subquery()))
        .values(ended_at=ended_at, archival_reason=reason)
        .returning(Entry.key, Entry.body_id)
        .execution_options(synchronize_session=False)
    )
    rows = (await session.execute(ended)).all()
    queued = [{"body_id": row.body_id} for row in rows if row.body_id is not None]
    if queued:
        await session.execute(insert(BodyToDelete), queued)
    return [row.key for row in rows]


async def list_bodies_to_delete(session: Session, *, before: datetime, limit: int) -> Sequence[UUID]:
    """At most `limit` texts that were due at an instant, locked until the transaction ends."""
    statement = (
        select(BodyToDelete.body_id)
        .where(BodyToDelete.due_at <= before)
        .order_by(BodyToDelete.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    body_ids: Sequence[UUID] = (await session.execute(statement)).scalars().all()
    return body_ids


async def empty_ended_of_guests(session: Session, *, limit: int) -> int:
    """Empty at most `limit` ended entries without owner of all but key, kind, reason and times; return how many."""
    return await _empty(session, Entry.owner_id.is_(None), limit=limit)


async def empty_ended_of_users(session: Session, *, older_than: timedelta, limit: int) -> int:
    """Empty at most `limit` entries of users that ended longer ago than `older_than`, of their owner too."""
    is_old = and_(Entry.owner_id.is_not(None), Entry.ended_at <= func.now() - older_than)
    return await _empty(session, is_old, limit=limit, owner_id=None)


async def _empty(session: Session, which: ColumnElement[bool], *, limit: int, **values: None) -> int:
    """Empty ended entries. Guests and users are asked for separately, as each have an index of their own.

    An entry whose text is still to be deleted waits, so that the time of deletion is stored in it.
    """
    has_text = select(BodyToDelete.body_id).where(BodyToDelete.body_id == Entry.body_id).exists()
    full = (
        select(Entry.key)
        .where(
            Entry.ended_at.is_not(None),
            or_(Entry.original_url.is_not(None), Entry.body_id.is_not(None)),
            which,
            ~has_text,
        )
        .order_by(Entry.ended_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    emptied = (
        update(Entry)
        .where(Entry.key.in_(full.scalar_subquery()))
        .values(**_EMPTY, **values)
        .returning(Entry.key)
        .execution_options(synchronize_session=False)
    )
    keys = (await session.execute(emptied)).scalars().all()
    if keys:
        await session.execute(delete(CollectionEntry).where(CollectionEntry.entry_key.in_(keys)))
        await link_targets.forget(session, keys)
        await imported_figures.forget(session, keys)
    return len(keys)


async def purge_idempotency_keys(session: Session, *, limit: int) -> int:
    """Delete at most `limit` idempotency keys that have expired; return how many."""
    old = (
        select(IdempotencyKey.scope, IdempotencyKey.key)
        .where(IdempotencyKey.created_at <= func.now() - REMEMBERED_FOR)
        .order_by(IdempotencyKey.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    purged = (
        delete(IdempotencyKey)
        .where(tuple_(IdempotencyKey.scope, IdempotencyKey.key).in_(old))
        .returning(IdempotencyKey.key)
        .execution_options(synchronize_session=False)
    )
    return len((await session.execute(purged)).scalars().all())


async def purge_ended_sessions(session: Session, *, limit: int) -> int:
    """Delete at most `limit` ends of sessions that would have expired anyway; return how many."""
    return await delete_batch(session, RevokedSession.id, RevokedSession.expires_at <= func.now(), limit=limit)


async def find_known_bodies(session: Session, body_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these texts a row names, whether to be kept or to be deleted."""
    owned = await session.execute(select(Entry.body_id).where(Entry.body_id.in_(body_ids)))
    queued = await session.execute(select(BodyToDelete.body_id).where(BodyToDelete.body_id.in_(body_ids)))
    return {*owned.scalars(), *queued.scalars()}
