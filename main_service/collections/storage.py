"""SQL of collections."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from main_service.collections.models import Collection, CollectionEntry
from main_service.engines.postgres import Session
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Entry, Visibility
from main_service.entries.storage import is_not_over
from main_service.web.cursors import Position


@dataclass(frozen=True)
class OwnCollection:
    """A collection as its owner sees it."""

    id: UUID
    owner_id: UUID
    name: str
    shared_key: str | None
    """The key in the link of a shared collection; None: it is not shared."""
    created_at: datetime
    entry_count: int
    """The number of its entries that are live and that its owner may see."""


@dataclass(frozen=True)
class CollectedEntry:
    """An entry in a collection."""

    entry: LiveEntry
    added_at: datetime

    @property
    def position(self) -> Position:
        return Position(value=self.added_at, key=self.entry.key)


_ADD = text(
    """
    INSERT INTO collection_entry (collection_id, entry_key, added_at)
    SELECT :collection_id, key, least(added_at, now())
      FROM unnest(CAST(:keys AS text[]), CAST(:added_at AS timestamptz[])) AS added (key, added_at)
    ON CONFLICT DO NOTHING
    """
)


async def create(
    session: Session, *, collection_id: UUID, owner_id: UUID, name: str, created_at: datetime | None = None
) -> bool:
    """Insert a collection; False, and nothing changes: its owner has another collection of this name.

    `created_at`: None: now.
    """
    values = {"id": collection_id, "owner_id": owner_id, "name": name, "created_at": created_at or func.now()}
    statement = insert(Collection).values(values).on_conflict_do_nothing().returning(Collection.id)
    return (await session.execute(statement)).first() is not None


async def count(session: Session, owner_id: UUID) -> int:
    """The number of collections of an owner."""
    statement = select(func.count()).select_from(Collection).where(Collection.owner_id == owner_id)
    found: int = (await session.execute(statement)).scalar_one()
    return found


async def list_owned(session: Session, owner_id: UUID) -> Sequence[OwnCollection]:
    """All collections of an owner, sorted by name."""
    statement = _owned(owner_id).order_by(func.lower(Collection.name), Collection.id)
    return [OwnCollection(**row) for row in (await session.execute(statement)).mappings()]


async def list_names(session: Session, owner_id: UUID) -> list[tuple[UUID, str]]:
    """Id and name of all collections of an owner, sorted by name."""
    statement = select(Collection.id, Collection.name).where(Collection.owner_id == owner_id)
    rows = await session.execute(statement.order_by(func.lower(Collection.name)))
    return [(row.id, row.name) for row in rows]


async def find_owned(session: Session, owner_id: UUID, collection_id: UUID) -> OwnCollection | None:
    row = (await session.execute(_owned(owner_id, collection_id))).mappings().one_or_none()
    return OwnCollection(**row) if row else None


async def find_by_id_or_name(session: Session, owner_id: UUID, collection: str) -> tuple[UUID, str] | None:
    """Id and name of the owner's collection that has this id, else of the one with this name, ignoring case."""
    is_name = func.lower(Collection.name) == func.lower(collection)
    try:
        collection_id = UUID(collection)
    except ValueError:
        is_meant = is_name
    else:
        is_meant = or_(Collection.id == collection_id, is_name)
    statement = (
        select(Collection.id, Collection.name)
        .where(Collection.owner_id == owner_id, is_meant)
        .order_by(is_name)
        .limit(1)
    )
    row = (await session.execute(statement)).first()
    return None if row is None else (row[0], row[1])


async def is_owned(session: Session, owner_id: UUID, collection_id: UUID) -> bool:
    statement = select(Collection.id).where(Collection.id == collection_id, Collection.owner_id == owner_id)
    return (await session.execute(statement)).first() is not None


async def lock_owned(session: Session, owner_id: UUID, collection_id: UUID) -> bool:
    """Lock a collection until the transaction ends; False: the owner has no such collection."""
    statement = select(Collection.id).where(Collection.id == collection_id, Collection.owner_id == owner_id)
    return (await session.execute(statement.with_for_update())).first() is not None


async def rename(session: Session, collection_id: UUID, name: str) -> bool:
    """Rename a collection; False: its owner has another of this name, and the transaction may be rolled back."""
    other = aliased(Collection)
    # Checked first, because PostgreSQL would log a violated constraint as an error.
    is_taken = exists().where(
        other.owner_id == Collection.owner_id,
        func.lower(other.name) == func.lower(name),
        other.id != Collection.id,
    )
    statement = update(Collection).where(Collection.id == collection_id, ~is_taken).values(name=name)
    try:
        return (await session.execute(statement.returning(Collection.id))).first() is not None
    except IntegrityError:
        await session.rollback()
        return False


async def delete_owned(session: Session, owner_id: UUID, collection_id: UUID) -> bool:
    """Delete a collection, not its entries; False: the owner has no such collection."""
    statement = delete(Collection).where(Collection.id == collection_id, Collection.owner_id == owner_id)
    return (await session.execute(statement.returning(Collection.id))).first() is not None


async def list_known_keys(session: Session, keys: Sequence[str], *, reader_id: UUID) -> dict[str, bool]:
    """The keys of those of the entries that the reader may see, each with whether it is live."""
    statement = select(Entry.key, _is_live().label("is_live")).where(Entry.key.in_(keys), _is_visible_to(reader_id))
    return {row.key: row.is_live for row in await session.execute(statement)}


async def add(session: Session, collection_id: UUID, keys: Sequence[str]) -> None:
    """Add entries to a collection, now; those that are in it already keep their position.

    `keys`: sorted, as all transactions lock entries in this order. The foreign key locks each of them.
    """
    await add_as_of(session, collection_id, dict.fromkeys(keys))


async def add_as_of(session: Session, collection_id: UUID, added_at: Mapping[str, datetime | None]) -> None:
    """Add entries to a collection, at places that they had elsewhere: when each was added, by key; None: now.

    `added_at`: by sorted keys, as for `add`. What is to come is now.
    """
    values = {"collection_id": collection_id, "keys": list(added_at), "added_at": list(added_at.values())}
    await session.execute(_ADD, values)


async def remove(session: Session, collection_id: UUID, key: str) -> None:
    statement = delete(CollectionEntry)
    await session.execute(
        statement.where(CollectionEntry.collection_id == collection_id, CollectionEntry.entry_key == key)
    )


async def list_entries(
    session: Session, collection_id: UUID, *, reader_id: UUID | None, after: Position | None, limit: int
) -> Sequence[CollectedEntry]:
    """At most `limit` entries of a collection that are live and that the reader may see, newest added first.

    `reader_id`: None for a guest. `after`: the position to begin behind; None: at the newest.
    """
    statement = (
        select(Entry, CollectionEntry.added_at)
        .join(CollectionEntry, CollectionEntry.entry_key == Entry.key)
        .where(CollectionEntry.collection_id == collection_id, _is_listed_for(reader_id))
        .order_by(CollectionEntry.added_at.desc(), CollectionEntry.entry_key.desc())
        .limit(limit)
    )
    if after is not None:
        place = tuple_(CollectionEntry.added_at, CollectionEntry.entry_key)
        statement = statement.where(place < tuple_(literal(after.value), literal(after.key)))
    rows = await session.execute(statement)
    return [CollectedEntry(LiveEntry.from_row(entry), added_at) for entry, added_at in rows]


def _owned(owner_id: UUID, collection_id: UUID | None = None) -> Select[Any]:
    """SELECT of `OwnCollection`: of all collections of an owner, or of one of them."""
    is_meant = Collection.owner_id == owner_id
    if collection_id is not None:
        is_meant = and_(is_meant, Collection.id == collection_id)
    counts = _counts(is_meant, owner_id)
    columns = (Collection.id, Collection.owner_id, Collection.name, Collection.shared_key, Collection.created_at)
    return (
        select(*columns, func.coalesce(counts.c.entry_count, 0).label("entry_count"))
        .outerjoin(counts, counts.c.collection_id == Collection.id)
        .where(is_meant)
    )


def _counts(is_meant: ColumnElement[bool], reader_id: UUID) -> Subquery:
    return (
        select(CollectionEntry.collection_id, func.count().label("entry_count"))
        .join(Collection, Collection.id == CollectionEntry.collection_id)
        .join(Entry, Entry.key == CollectionEntry.entry_key)
        .where(is_meant, _is_listed_for(reader_id))
        .group_by(CollectionEntry.collection_id)
        .subquery()
    )


def _is_listed_for(reader_id: UUID | None) -> ColumnElement[bool]:
    return and_(_is_live(), _is_visible_to(reader_id))


def _is_live() -> ColumnElement[bool]:
    return and_(Entry.ended_at.is_(None), is_not_over())


def _is_visible_to(reader_id: UUID | None) -> ColumnElement[bool]:
    """The rule of `Actor.may_see`, in SQL."""
    is_for_all = Entry.visibility != Visibility.PRIVATE
    return is_for_all if reader_id is None else or_(is_for_all, Entry.owner_id == reader_id)
