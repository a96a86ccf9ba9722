"""A user's collections by their names, as services that have tags call them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from main_service.collections import storage
from main_service.collections.models import Collection, CollectionEntry
from main_service.collections.service import CollectionService
from main_service.engines.postgres import Session
from main_service.entries.models import Entry, Kind
from main_service.entries.storage import is_not_over
from main_service.errors import NotFoundError


@dataclass(frozen=True)
class CollectionFigures:
    """A collection, and the sums of the live links of its owner in it."""

    name: str
    links: int
    people: int
    bots: int


class NamedCollections:
    """The collections of one user per call. Names are compared ignoring case."""

    def __init__(self, *, session: Session, collections: CollectionService) -> None:
        self._session = session
        self._collections = collections

    async def ensure(self, owner_id: UUID, names: Sequence[str]) -> None:
        """Create those of the collections that the owner has not.

        Raises:
            TooManyCollectionsError, AddressUnconfirmedError, TokenInvalidError, CollectionNameTakenError: as for a
                create; the last only where another request has just created one of them.
        """
        for name in names:
            if await self._find(owner_id, name) is None:
                await self._collections.create(owner_id, name)

    async def put(self, owner_id: UUID, key: str, names: Sequence[str]) -> None:
        """Let an entry be in these collections of the owner, which exist, and in no other.

        Raises:
            NotFoundError, EntryEndedError: there is no such collection, or no such entry for the owner any more.
        """
        wanted = {await self._get(owner_id, name) for name in names}
        statement = (
            select(Collection.id)
            .join(CollectionEntry)
            .where(Collection.owner_id == owner_id, CollectionEntry.entry_key == key)
        )
        present = set((await self._session.execute(statement)).scalars())
        # In one order, so that no two requests wait for each other's collections.
        for collection_id in sorted(wanted - present):
            await self._collections.add(owner_id, collection_id, key)
        for collection_id in sorted(present - wanted):
            await self._collections.remove(owner_id, collection_id, key)

    async def rename(self, owner_id: UUID, old_name: str, new_name: str) -> None:
        """Rename a collection.

        Raises:
            NotFoundError: the owner has no such collection.
            CollectionNameTakenError: the owner has another one of the new name.
        """
        collection_id = await self._get(owner_id, old_name)
        await self._collections.change(owner_id, collection_id, name=new_name, is_shared=None)

    async def delete(self, owner_id: UUID, names: Sequence[str]) -> None:
        """Delete those of the collections that the owner has. The entries in them stay."""
        for name in names:
            if (collection_id := await self._find(owner_id, name)) is not None:
                await self._collections.delete(owner_id, collection_id)

    async def list_figures(self, owner_id: UUID) -> list[CollectionFigures]:
        """All collections of the owner, sorted by name."""
        is_counted = (
            (Entry.key == CollectionEntry.entry_key)
            & (Entry.owner_id == owner_id)
            & (Entry.kind == Kind.LINK)
            & Entry.ended_at.is_(None)
            & is_not_over()
        )
        statement = (
            select(
                Collection.name,
                func.count(Entry.key),
                func.coalesce(func.sum(Entry.visit_count), 0),
                func.coalesce(func.sum(Entry.bot_count), 0),
            )
            .outerjoin(CollectionEntry, CollectionEntry.collection_id == Collection.id)
            .outerjoin(Entry, is_counted)
            .where(Collection.owner_id == owner_id)
            .group_by(Collection.id, Collection.name)
            .order_by(func.lower(Collection.name))
        )
        rows = await self._session.execute(statement)
        return [CollectionFigures(name, links, int(people), int(bots)) for name, links, people, bots in rows]

    async def _find(self, owner_id: UUID, name: str) -> UUID | None:
        found = await storage.find_by_id_or_name(self._session, owner_id, name)
        return None if found is None else found[0]

    async def _get(self, owner_id: UUID, name: str) -> UUID:
        collection_id = await self._find(owner_id, name)
        if collection_id is None:
            raise NotFoundError("You have no such collection.")
        return collection_id
