"""Collections of imported entries: found by name, or created."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from operator import itemgetter
from uuid import UUID, uuid4

from main_service.collections import sharing
from main_service.collections import storage as collections
from main_service.collections.service import MAX_COLLECTIONS
from main_service.engines.postgres import Session
from main_service.entries.aliases import is_long_key
from main_service.transfer.drafts import Draft, instant_of
from main_service.transfer.records import NamedCollection, printable

MAX_COLLECTION_NAME = 100
KEPT_OUT = "It isn't in its collection: you have reached the limit of collections."
NOT_SHARED = "Its collection isn't shared: the key of its link can't be used here."


@dataclass(frozen=True)
class MadeCollection:
    """A collection of an owner. `id`: None: the owner has too many to create it."""

    id: UUID | None
    is_new: bool = False
    """Whether it has just been created."""
    is_unshared: bool = False
    """Whether it was shared elsewhere and isn't here, because the key of its link can't be used."""


async def add_to_collections(session: Session, owner_id: UUID, made: Mapping[int, Draft]) -> dict[int, str]:
    """Add new entries to the collections that they were in, which are created if they don't exist.

    `made`: entries by their number in the file. Returns what people should know, by the same numbers.
    """
    now = datetime.now(UTC)
    members: dict[str, tuple[NamedCollection, dict[int, tuple[str, datetime | None]]]] = {}
    for number, draft in made.items():
        for collection in draft.record.collections:
            if name := collection_name(collection):
                named = replace(collection, name=name)
                added_at = collection.added_at and instant_of(collection.added_at, now)
                members.setdefault(name.lower(), (named, {}))[1][number] = draft.entry.key, added_at
    notes: dict[int, str] = {}
    for collection, added in members.values():
        found = await make_collection(session, owner_id, collection)
        if found.id is None or found.is_unshared:
            notes |= dict.fromkeys(added, KEPT_OUT if found.id is None else NOT_SHARED)
        if found.id is not None:
            in_order = sorted(added.values(), key=itemgetter(0))
            await collections.add_as_of(session, found.id, dict(in_order))
    return notes


async def make_collection(session: Session, owner_id: UUID, collection: NamedCollection) -> MadeCollection:
    """The owner's collection with this name, which comes from `collection_name`; created if it doesn't exist."""
    found = await collections.find_by_id_or_name(session, owner_id, collection.name)
    if found is not None:
        return MadeCollection(found[0])
    if await collections.count(session, owner_id) >= MAX_COLLECTIONS:
        return MadeCollection(None)
    collection_id = uuid4()
    created_at = instant_of(collection.created_at, datetime.now(UTC))
    if not await collections.create(
        session, collection_id=collection_id, owner_id=owner_id, name=collection.name, created_at=created_at
    ):
        return MadeCollection(None)
    is_unshared = False
    if collection.shared_key is not None:
        is_unshared = not is_long_key(collection.shared_key) or not await sharing.share(
            session, collection_id, collection.shared_key
        )
    return MadeCollection(collection_id, is_new=True, is_unshared=is_unshared)


def collection_name(collection: NamedCollection) -> str:
    """The name that a collection can have here; empty: nothing of it can be shown."""
    return printable(collection.name).strip()[:MAX_COLLECTION_NAME].strip()
