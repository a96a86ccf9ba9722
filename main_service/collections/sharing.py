"""SQL of shared collections, and of the keys of their links, which are never given to another user."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text, update

from main_service.accounts.models import Account
from main_service.collections.models import Collection
from main_service.engines.postgres import Session


@dataclass(frozen=True)
class SharedCollection:
    """A shared collection as its readers see it."""

    id: UUID
    owner_id: UUID
    name: str


# A claimed key stays locked until the transaction ends, so that only one of two users gets it. A key of another
# collection of the same owner is left to that.
_SHARE = text(
    """
    WITH wanted AS (
        SELECT id, owner_id FROM collection WHERE id = :collection_id AND shared_key IS NULL
    ), claimed AS (
        INSERT INTO shared_key AS used (key, owner_id)
        SELECT :shared_key, owner_id FROM wanted
        ON CONFLICT (key) DO UPDATE SET owner_id = used.owner_id WHERE used.owner_id = excluded.owner_id
        RETURNING key
    ), shared AS (
        UPDATE collection SET shared_key = claimed.key FROM claimed
        WHERE collection.id = :collection_id
          AND NOT EXISTS (SELECT FROM collection AS other WHERE other.shared_key = claimed.key)
        RETURNING 1
    )
    SELECT EXISTS (SELECT FROM collection WHERE id = :collection_id AND shared_key IS NOT NULL) AS is_shared,
           EXISTS (SELECT FROM shared) AS is_shared_now
    """
)


async def find_shared(session: Session, shared_key: str) -> SharedCollection | None:
    """The collection that is shared under this key; None also if its owner's account was deleted."""
    account = Account.__table__.c
    statement = (
        select(Collection.id, Collection.owner_id, Collection.name)
        .join(Account, account.id == Collection.owner_id)
        .where(Collection.shared_key == shared_key, account.left_at.is_(None))
    )
    row = (await session.execute(statement)).mappings().one_or_none()
    return SharedCollection(**row) if row else None


async def share(session: Session, collection_id: UUID, shared_key: str) -> bool:
    """Give a collection this key unless it has one; False, and nothing changes: it was once another user's, or is the
    key of another collection.
    """
    row = (await session.execute(_SHARE, {"collection_id": collection_id, "shared_key": shared_key})).one()
    is_done: bool = row.is_shared or row.is_shared_now
    return is_done


async def unshare(session: Session, collection_id: UUID) -> None:
    await session.execute(update(Collection).where(Collection.id == collection_id).values(shared_key=None))
