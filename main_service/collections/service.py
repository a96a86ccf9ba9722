"""Collections: created, listed, changed, shared, filled and deleted. The entries in them never change by that."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from main_service.accounts.account_guards import lock_account, require_confirmed
from main_service.collections import sharing, storage
from main_service.collections.errors import CollectionNameTakenError, TooManyCollectionsError
from main_service.collections.sharing import SharedCollection
from main_service.collections.storage import CollectedEntry, OwnCollection
from main_service.engines.postgres import Session
from main_service.entries import storage as entries
from main_service.entries.aliases import is_key
from main_service.entries.models import Entry
from main_service.entries.permissions import Actor
from main_service.entries.read import KeyLookup, require_live
from main_service.errors import NotFoundError
from main_service.keys.pool import KeySource, Pool
from main_service.settings import Settings
from main_service.web.cursors import Position, write_time_cursor

MAX_COLLECTIONS = 1_000
"""The most collections of a user."""


@dataclass(frozen=True)
class CollectedEntries:
    """A page of the entries of a collection, newest added first."""

    items: Sequence[CollectedEntry]
    next_cursor: str | None
    """None: this is the last page."""


class CollectionService:
    """The collections of one user per call. Collections of other users raise NotFoundError, as unknown ids do."""

    def __init__(self, *, session: Session, keys: KeySource, lookup: KeyLookup, settings: Settings) -> None:
        self._session = session
        self._lookup = lookup
        self._keys = keys
        self._settings = settings

    async def create(self, owner_id: UUID, name: str) -> OwnCollection:
        """Create an empty collection that is not shared.

        Raises:
            CollectionNameTakenError: the owner has a collection of this name, ignoring case.
            TooManyCollectionsError: the owner has `MAX_COLLECTIONS`.
            AddressUnconfirmedError: users must confirm their email address first, and this one has not.
            TokenInvalidError: the account has just been deleted or disabled.
        """
        # The lock makes concurrent creates of one user count each other.
        require_confirmed(await lock_account(self._session, owner_id), self._settings)
        if await storage.count(self._session, owner_id) >= MAX_COLLECTIONS:
            raise TooManyCollectionsError
        collection_id = uuid4()
        if not await storage.create(self._session, collection_id=collection_id, owner_id=owner_id, name=name):
            raise CollectionNameTakenError
        return await self.get(owner_id, collection_id)

    async def list(self, owner_id: UUID) -> Sequence[OwnCollection]:
        """All collections of the owner, sorted by name."""
        return await storage.list_owned(self._session, owner_id)

    async def get(self, owner_id: UUID, collection_id: UUID) -> OwnCollection:
        """One collection of the owner.

        Raises:
            NotFoundError: the owner has no such collection.
        """
        collection = await storage.find_owned(self._session, owner_id, collection_id)
        if collection is None:
            raise NotFoundError
        return collection

    async def change(
        self, owner_id: UUID, collection_id: UUID, *, name: str | None, is_shared: bool | None
    ) -> OwnCollection:
        """Rename a collection, share it, or stop sharing it. None leaves a value as it is.

        Sharing gives a new key, unless the collection is shared already. After sharing is stopped, the key never
        works again.

        Raises:
            NotFoundError: the owner has no such collection.
            CollectionNameTakenError: the owner has another one of this name.
        """
        # Take the key before a row is locked: Redis may be slow.
        key = await self._keys.take(Pool.PASTE) if is_shared else None
        await self._lock(owner_id, collection_id)
        if name is not None and not await storage.rename(self._session, collection_id, name):
            raise CollectionNameTakenError
        while key is not None and not await sharing.share(self._session, collection_id, key):
            key = await self._keys.take(Pool.PASTE)
        if is_shared is False:
            await sharing.unshare(self._session, collection_id)
        return await self.get(owner_id, collection_id)

    async def delete(self, owner_id: UUID, collection_id: UUID) -> None:
        """Delete a collection. The entries in it stay.

        Raises:
            NotFoundError: the owner has no such collection.
        """
        if not await storage.delete_owned(self._session, owner_id, collection_id):
            raise NotFoundError

    async def add(self, owner_id: UUID, collection_id: UUID, key: str) -> None:
        """Add an entry to a collection; no change if it is in it already.

        Raises:
            NotFoundError: the owner has no such collection, or may not see such an entry.
            TooManyUnknownKeysError: there is no such entry, and the client has asked for too many of these.
            EntryEndedError: the entry has ended.
        """
        await self._lock(owner_id, collection_id)

        async def find(key: str) -> Entry:
            return require_live(await entries.find(self._session, key), Actor(account_id=owner_id))

        await self._lookup.look_up(key, find)
        await storage.add(self._session, collection_id, [key])

    async def add_many(self, owner_id: UUID, collection_id: UUID, keys: Sequence[str]) -> Sequence[str]:
        """Add those of the entries to a collection that are live and that its owner may see.

        Returns the keys of the added entries and of those that were in it already, in the order given.

        Raises:
            NotFoundError: the owner has no such collection.
            TooManyUnknownKeysError: the client has asked for too many entries that don't exist or that it may not see.
                None of the list is added.
        """
        await self._lock(owner_id, collection_id)
        wanted = [key for key in dict.fromkeys(keys) if is_key(key)]
        known = await storage.list_known_keys(self._session, wanted, reader_id=owner_id)
        await self._lookup.count_unknown(len(wanted) - len(known))
        live = {key for key, is_live in known.items() if is_live}
        await storage.add(self._session, collection_id, sorted(live))
        return [key for key in wanted if key in live]

    async def remove(self, owner_id: UUID, collection_id: UUID, key: str) -> None:
        """Remove an entry from a collection, if it is in it.

        Raises:
            NotFoundError: the owner has no such collection.
        """
        await self._check_owned(owner_id, collection_id)
        if is_key(key):
            await storage.remove(self._session, collection_id, key)

    async def list_entries(
        self, owner_id: UUID, collection_id: UUID, *, after: Position | None, limit: int
    ) -> CollectedEntries:
        """The entries of a collection that are live and that its owner may see, newest added first.

        `after`: the position behind which the page begins; None: the first page.

        Raises:
            NotFoundError: the owner has no such collection.
        """
        await self._check_owned(owner_id, collection_id)
        return await _page(self._session, collection_id, reader_id=owner_id, after=after, limit=limit)

    async def _check_owned(self, owner_id: UUID, collection_id: UUID) -> None:
        if not await storage.is_owned(self._session, owner_id, collection_id):
            raise NotFoundError

    async def _lock(self, owner_id: UUID, collection_id: UUID) -> None:
        """Lock the collection until the transaction ends."""
        if not await storage.lock_owned(self._session, owner_id, collection_id):
            raise NotFoundError


class SharedCollectionService:
    """Shared collections, as every client reads them that has the link."""

    def __init__(self, *, session: Session, lookup: KeyLookup) -> None:
        self._session = session
        self._lookup = lookup

    async def open(
        self, shared_key: str, *, reader_id: UUID | None, after: Position | None, limit: int
    ) -> tuple[SharedCollection, CollectedEntries]:
        """The collection, and a page of its live entries that the reader may see.

        `reader_id`: the account of the reader; None: a guest. `after`: the position behind which the page begins;
        None: the first page.

        Raises:
            NotFoundError: no collection is shared under this key.
            TooManyUnknownKeysError: there is none, and the client has asked for too many unknown keys.
        """
        collection = await self._lookup.look_up(shared_key, self._get)
        page = await _page(self._session, collection.id, reader_id=reader_id, after=after, limit=limit)
        return collection, page

    async def _get(self, shared_key: str) -> SharedCollection:
        collection = await sharing.find_shared(self._session, shared_key)
        if collection is None:
            raise NotFoundError
        return collection


async def _page(
    session: Session, collection_id: UUID, *, reader_id: UUID | None, after: Position | None, limit: int
) -> CollectedEntries:
    # One more than `limit` tells whether there is a next page.
    found = await storage.list_entries(session, collection_id, reader_id=reader_id, after=after, limit=limit + 1)
    items = found[:limit]
    return CollectedEntries(
        items=items, next_cursor=write_time_cursor(items[-1].position) if len(found) > limit else None
    )
