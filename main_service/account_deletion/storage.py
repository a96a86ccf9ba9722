"""Deleted accounts and their entries in PostgreSQL: one function per question."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import and_, case, delete, exists, false, func, insert, or_, select, true, update

from main_service.accounts.models import Account
from main_service.collections.models import Collection
from main_service.engines.postgres import Session
from main_service.entries.models import ArchivalReason, BodyToDelete, Entry, Invalidation, Visibility

_accounts = Account.__table__.c


@dataclass(frozen=True)
class DeletedAccount:
    """An account that its owner has deleted, whose row stays until its entries are ended or released."""

    account_id: UUID
    keeps_entries: bool
    """Whether its entries, but for private ones, live on."""


async def list_deleted_accounts(session: Session) -> Sequence[DeletedAccount]:
    """Accounts whose rows still wait for the end of their entries, in the order of their deletion."""
    statement = select(_accounts.id, Account.keeps_entries).where(Account.deleted_at.is_not(None))
    rows = await session.execute(statement.order_by(Account.deleted_at))
    return [DeletedAccount(account_id=row[0], keeps_entries=row[1]) for row in rows]


async def delete_collections(session: Session, account_id: UUID) -> None:
    await session.execute(delete(Collection).where(Collection.owner_id == account_id))


async def release_entries(
    session: Session, account: DeletedAccount, *, max_lifetime: timedelta, limit: int
) -> list[str]:
    """Take the owner from at most `limit` of the account's entries, and end those that are not to live on.

    What lives on expires after `max_lifetime` at the latest, as no owner is left to delete it. Returns the keys.
    """
    owned = select(Entry.key).where(Entry.owner_id == account.account_id)
    locked = owned.order_by(Entry.key).limit(limit).with_for_update()
    keys = (await session.execute(locked)).scalars().all()
    if not keys:
        return []
    is_live = Entry.ended_at.is_(None)
    ends = and_(is_live, or_(false() if account.keeps_entries else true(), Entry.visibility == Visibility.PRIVATE))
    latest = func.now() + max_lifetime
    statement = (
        update(Entry)
        .where(Entry.key.in_(keys))
        .values(
            owner_id=None,
            # A claim by an older release has not raised it.
            manage_generation=func.greatest(Entry.manage_generation, 1),
            ended_at=case((ends, func.now()), else_=Entry.ended_at),
            archival_reason=case((ends, ArchivalReason.DELETED.value), else_=Entry.archival_reason),
            expires_at=case((is_live, func.least(Entry.expires_at, latest)), else_=Entry.expires_at),
        )
        .returning(Entry.body_id, (Entry.ended_at == func.now()).label("is_ended_now"))
        .execution_options(synchronize_session=False)
    )
    rows = (await session.execute(statement)).all()
    await session.execute(insert(Invalidation), [{"key": key} for key in keys])
    if queued := [{"body_id": row.body_id} for row in rows if row.is_ended_now and row.body_id is not None]:
        await session.execute(insert(BodyToDelete), queued)
    return list(keys)


async def delete_account(session: Session, account_id: UUID) -> None:
    """Delete the row of an account that has no entries any more; one that has some is kept."""
    has_entries = exists().where(Entry.owner_id == account_id)
    await session.execute(delete(Account).where(_accounts.id == account_id, ~has_entries))
