"""Entries in PostgreSQL: one function per question."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Table, case, delete, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from main_service.accounts.errors import TokenInvalidError
from main_service.engines.postgres import Session
from main_service.entries import link_targets
from main_service.entries.entry import FIELDS, LiveEntry
from main_service.entries.idempotency import REMEMBERED_FOR, IdempotentRequest
from main_service.entries.models import ArchivalReason, BodyToDelete, Entry, IdempotencyKey, Invalidation

_COLUMNS = cast(Table, Entry.__table__).columns
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_CHOSEN = {"has_public_statistics", "passes_query"}
"""Columns with a default that a creation may choose to be different."""
_NEW_COLUMNS = {
    # Other columns with a default are left to the database.
    name: _COLUMNS[name].type.compile(_DIALECT).partition(" COLLATE")[0]
    for name in (*FIELDS, "target_digest")
    if _COLUMNS[name].server_default is None or name in _CHOSEN
}
_of_new_entry = attrgetter(*[name for name in _NEW_COLUMNS if name != "target_digest"])
# SQLAlchemy compiles an INSERT with ON CONFLICT each time, which takes longer than PostgreSQL needs for the row.
_CREATE = text(
    f"""
    WITH made AS (
        INSERT INTO entry ({", ".join(_NEW_COLUMNS)})
        SELECT * FROM unnest({", ".join(f"CAST(:{name} AS {type_}[])" for name, type_ in _NEW_COLUMNS.items())})
        ON CONFLICT (key) DO NOTHING
        RETURNING key, created_at, original_url
    ), target AS (
        INSERT INTO link_target (key, valid_from, original_url)
        SELECT key, date_trunc('milliseconds', created_at), original_url FROM made WHERE original_url IS NOT NULL
    ), invalidation AS (
        INSERT INTO stale_key (key) SELECT key FROM made WHERE :must_invalidate
    )
    SELECT key FROM made
    """  # noqa: S608 (all of it stands above)
)

_REMEMBER = text(
    """
    INSERT INTO idempotency_key AS old (scope, key, body_digest, entry_key, created_at)
    VALUES (:scope, :key, :body_digest, :entry_key, now())
    ON CONFLICT (scope, key) DO UPDATE
        SET body_digest = excluded.body_digest, entry_key = excluded.entry_key, created_at = excluded.created_at
        WHERE old.created_at <= now() - CAST(:remembered_for AS interval)
    RETURNING key
    """
)


async def create_all(session: Session, entries: Sequence[LiveEntry], *, must_invalidate: bool) -> set[str]:
    """Insert a row for each entry; return the keys except those that are or were in use. Each key may occur once.

    `must_invalidate`: put them into the invalidation outbox, because Redis could not be told of their keys.

    Raises:
        TokenInvalidError: the account of an owner has just been deleted; nothing is inserted.
    """
    # Sorted, so that two processes never wait for each other's aliases.
    ordered = sorted(entries, key=attrgetter("key"))
    rows = ((*_of_new_entry(entry), target_digest(entry.original_url)) for entry in ordered)
    columns = dict(zip(_NEW_COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    try:
        return set((await session.execute(_CREATE, {**columns, "must_invalidate": must_invalidate})).scalars())
    except IntegrityError as error:
        raise TokenInvalidError from error


async def create(session: Session, entry: LiveEntry, *, must_invalidate: bool) -> bool:
    """Insert a row; False, with nothing changed: its key is or was in use."""
    return bool(await create_all(session, [entry], must_invalidate=must_invalidate))


def target_digest(original_url: str | None) -> bytes | None:
    """The SHA-256 by which a user's links are searched; None for None."""
    return None if original_url is None else sha256(original_url.encode()).digest()


async def find(session: Session, key: str) -> Entry | None:
    """The row of `key`, live or ended."""
    # Read again, because the session may have an older state.
    statement = select(Entry).where(Entry.key == key).execution_options(populate_existing=True)
    entry: Entry | None = (await session.execute(statement)).scalar_one_or_none()
    return entry


async def get_visit_counts(session: Session, key: str) -> tuple[int, int]:
    """How many visits of people the entry of a key that is in use has here, and had before it was imported."""
    statement = select(Entry.visit_count, Entry.imported_visit_count).where(Entry.key == key)
    visits, imported = (await session.execute(statement)).one()
    return visits, imported


async def find_for_update(session: Session, key: str) -> Entry | None:
    """The row of `key`, locked until the transaction ends."""
    statement = select(Entry).where(Entry.key == key).with_for_update()
    statement = statement.execution_options(populate_existing=True)
    entry: Entry | None = (await session.execute(statement)).scalar_one_or_none()
    return entry


async def change(session: Session, entry: Entry, values: dict[str, Any]) -> None:
    """Change a locked row and add it to the invalidation outbox. A new target is also added to the link's history."""
    original_url = values.get("original_url", entry.original_url)
    if original_url is not None and original_url != entry.original_url:
        changed_at = values.get("updated_at", datetime.now(UTC))
        await link_targets.note_change(session, entry, original_url=original_url, changed_at=changed_at)
        values = {**values, "target_digest": target_digest(original_url)}
    for name, value in values.items():
        setattr(entry, name, value)
    await session.flush()
    await session.execute(insert(Invalidation).values(key=entry.key))


async def own(session: Session, entry: Entry, account_id: UUID) -> None:
    """Give a locked row to an account; its manage token no longer opens it.

    Raises:
        TokenInvalidError: the account has just been deleted.
    """
    try:
        await change(session, entry, {"owner_id": account_id, "manage_generation": entry.manage_generation + 1})
    except IntegrityError as error:
        raise TokenInvalidError from error


async def end(session: Session, entry: Entry, reason: ArchivalReason) -> None:
    """End a locked live row and queue its text, if it has one, for deletion."""
    await change(session, entry, {"ended_at": datetime.now(UTC), "archival_reason": reason})
    if entry.body_id is not None:
        await queue_body(session, entry.body_id)


@dataclass(frozen=True)
class Ended:
    key: str
    body_id: UUID | None


async def end_owned(session: Session, owner_id: UUID, *, keys: Sequence[str]) -> list[Ended]:
    """End those entries as deleted that are the owner's and not over, and queue their texts for deletion."""
    locked = (
        select(Entry.key)
        .where(Entry.key.in_(keys), Entry.owner_id == owner_id, Entry.ended_at.is_(None), is_not_over())
        # Sorted, so that two transactions that end the same entries lock them in the same order.
        .order_by(Entry.key)
        .with_for_update()
    )
    return await _end_all(session, (await session.execute(locked)).scalars().all())


async def _end_all(session: Session, keys: Sequence[str]) -> list[Ended]:
    """End locked live rows as deleted, add them to the invalidation outbox, and queue their texts for deletion."""
    if not keys:
        return []
    statement = (
        update(Entry)
        .where(Entry.key.in_(keys))
        .values(ended_at=func.now(), archival_reason=ArchivalReason.DELETED)
        .returning(Entry.key, Entry.body_id)
        .execution_options(synchronize_session=False)
    )
    ended = [Ended(key=row.key, body_id=row.body_id) for row in await session.execute(statement)]
    await session.execute(insert(Invalidation), [{"key": end.key} for end in ended])
    if queued := [{"body_id": end.body_id} for end in ended if end.body_id is not None]:
        await session.execute(insert(BodyToDelete), queued)
    return ended


async def spend_view(session: Session, entry: LiveEntry) -> Entry | None:
    """Spend a view of `entry` and end it with the last one; return its row as it is then.

    None, with nothing changed: no view is left, the entry is over, or it no longer has the text that was loaded.
    """
    is_last = Entry.views_left == 1
    statement = (
        update(Entry)
        .where(
            Entry.key == entry.key,
            Entry.views_left > 0,
            Entry.ended_at.is_(None),
            is_not_over(),
            Entry.body_id.is_not_distinct_from(entry.body_id),
        )
        .values(
            views_left=Entry.views_left - 1,
            ended_at=case((is_last, func.now())),
            archival_reason=case((is_last, ArchivalReason.VIEWED.value)),
        )
        .returning(Entry)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    row: Entry | None = (await session.execute(statement)).scalar_one_or_none()
    return row


def is_not_over() -> ColumnElement[bool]:
    """The condition that an entry has not expired."""
    return or_(Entry.expires_at.is_(None), Entry.expires_at > func.now())


async def note_use(session: Session, key: str) -> None:
    """Record a use of an entry. If another transaction is changing the row, do nothing: a change counts as much."""
    free = select(Entry.key).where(Entry.key == key).with_for_update(key_share=True, skip_locked=True)
    statement = update(Entry).where(Entry.key.in_(free.scalar_subquery())).values(used_at=func.now())
    await session.execute(statement.execution_options(synchronize_session=False))


async def queue_body(session: Session, body_id: UUID, *, grace: timedelta = timedelta(0)) -> None:
    """Queue a text for deletion after `grace`."""
    await session.execute(insert(BodyToDelete).values(body_id=body_id, due_at=func.now() + grace))


async def find_idempotency_key(session: Session, idempotency: IdempotentRequest) -> IdempotencyKey | None:
    """What is remembered of an earlier sending of the request; None: there is none within `REMEMBERED_FOR`."""
    statement = select(IdempotencyKey).where(
        IdempotencyKey.scope == idempotency.scope,
        IdempotencyKey.key == idempotency.key,
        IdempotencyKey.created_at > func.now() - REMEMBERED_FOR,
    )
    found: IdempotencyKey | None = (await session.execute(statement)).scalar_one_or_none()
    return found


async def remember_idempotency_key(session: Session, idempotency: IdempotentRequest, *, entry_key: str) -> bool:
    """Record that the request creates the entry of `entry_key`; False: it was sent before and has created another.

    Waits for an earlier sending whose transaction is not yet over.
    """
    values = {**asdict(idempotency), "entry_key": entry_key, "remembered_for": REMEMBERED_FOR}
    return (await session.execute(_REMEMBER, values)).first() is not None


async def update_idempotency_key(session: Session, idempotency: IdempotentRequest, *, entry_key: str) -> None:
    """Replace the key of the entry that this transaction creates."""
    statement = update(IdempotencyKey).where(
        IdempotencyKey.scope == idempotency.scope, IdempotencyKey.key == idempotency.key
    )
    await session.execute(statement.values(entry_key=entry_key))


async def note_deleted_bodies(session: Session, body_ids: Sequence[UUID]) -> None:
    """Remove deleted texts from the queue, and record the deletion in the entries that ended with them."""
    await session.execute(delete(BodyToDelete).where(BodyToDelete.body_id.in_(body_ids)))
    ended = select(Entry.key).where(Entry.body_id.in_(body_ids), Entry.ended_at.is_not(None))
    # In the order in which all transactions lock entries; deleting an account locks ended ones too.
    locked = await session.execute(ended.order_by(Entry.key).with_for_update(key_share=True))
    statement = update(Entry).where(Entry.key.in_(locked.scalars().all()))
    await session.execute(statement.values(body_deleted_at=func.now()).execution_options(synchronize_session=False))


async def list_invalidations(session: Session, *, after_id: int, limit: int) -> Sequence[Invalidation]:
    """The oldest rows of the outbox after `after_id`."""
    statement = select(Invalidation).where(Invalidation.id > after_id).order_by(Invalidation.id).limit(limit)
    return list((await session.execute(statement)).scalars())


async def acknowledge_invalidations(session: Session, pending: Sequence[Invalidation], *, grace: timedelta) -> None:
    """Record that tombstones were written: stamp the new rows, and delete those stamped longer than `grace` ago."""
    now = datetime.now(UTC)
    settled = [each.id for each in pending if each.applied_at and each.applied_at < now - grace]
    written = [each.id for each in pending if each.applied_at is None]
    await session.execute(delete(Invalidation).where(Invalidation.id.in_(settled)))
    await session.execute(update(Invalidation).where(Invalidation.id.in_(written)).values(applied_at=now))
