"""A user's own entries: found page by page, and exported in batches."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.collections import storage as collections
from main_service.engines.postgres import Session
from main_service.errors import NotFoundError
from main_service.my_entries import storage
from main_service.my_entries.filters import Filters, OwnedEntry, Sort
from main_service.web.cursors import Cursors


@dataclass(frozen=True)
class Listed:
    entries: list[OwnedEntry]
    next_cursor: str | None
    """None: these are the last."""


class EntryLister:
    def __init__(self, *, session: Session, cursors: Cursors) -> None:
        self._session = session
        self._cursors = cursors

    async def list_page(
        self, owner_id: UUID, filters: Filters, *, sort: Sort, cursor: str | None = None, limit: int
    ) -> Listed:
        """A page of the owner's entries. Whatever is added meanwhile, none comes twice and none is passed over.

        Raises:
            CursorInvalidError: the cursor is not one of this order.
            NotFoundError: the collection is not the owner's.
        """
        after = None if cursor is None else self._cursors.read(cursor, sort, is_by_time=sort.by != "title")
        if filters.collection is not None:
            filters = replace(filters, collection_id=await self._get_collection(owner_id, filters.collection))
        now = datetime.now(UTC)
        # One more tells whether there is another page.
        placed = await storage.list_entries(
            self._session, owner_id, filters, sort=sort, after=after, limit=limit + 1, now=now
        )
        page = placed[:limit]
        has_more = len(placed) > limit
        return Listed(
            entries=[each.entry.at(now) for each in page],
            next_cursor=self._cursors.write(page[-1].position, sort) if has_more else None,
        )

    async def list_live(self, owner_id: UUID, keys: Sequence[str]) -> list[OwnedEntry]:
        """Those of the entries that are the owner's and live, in the order they were given."""
        found = await storage.list_live(self._session, owner_id, keys, now=datetime.now(UTC))
        by_key = {entry.key: entry for entry in found}
        return [by_key[key] for key in dict.fromkeys(keys) if key in by_key]

    async def list_collections(self, owner_id: UUID) -> list[tuple[UUID, str]]:
        """Id and name of the owner's collections, by name."""
        return await storage.list_collections(self._session, owner_id)

    async def _get_collection(self, owner_id: UUID, collection: str) -> UUID:
        found = await collections.find_by_id_or_name(self._session, owner_id, collection)
        if found is None:
            raise NotFoundError("You have no such collection.")
        return found[0]


BATCH = 1000


class EntryExporter:
    """Has sessions of its own: that of a request is closed before the first chunk of its answer is sent.

    None is open while a batch is on its way to a client, who may take as long as it likes.
    """

    def __init__(self, *, sessions: async_sessionmaker[Session]) -> None:
        self._sessions = sessions

    async def batches(self, owner_id: UUID) -> AsyncIterator[list[OwnedEntry]]:
        """Every entry of the owner's, live and ended, oldest first; an empty batch when there is none.

        Raises:
            DatabaseUnavailableError: maybe in the middle.
        """
        after = None
        while True:
            async with self._sessions() as session:
                placed = await storage.list_all(session, owner_id, after=after, limit=BATCH)
            now = datetime.now(UTC)
            yield [each.entry.at(now) for each in placed]
            if len(placed) < BATCH:
                return
            after = placed[-1].position
