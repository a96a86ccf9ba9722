"""Lists of a user's own entries, page by page, and exports of all of them, in batches."""

from collections.abc import AsyncIterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.collections import storage as collections
from main_service.engines.postgres import Session
from main_service.errors import NotFoundError
from main_service.my_entries import storage
from main_service.my_entries.filters import Filters, OwnedEntry, Sort
from main_service.my_entries.search_limit import search_of
from main_service.web.cursors import Cursors

RECENT_DAYS = 14
"""Days of the visits that are shown beside entries in a list."""


@dataclass(frozen=True)
class Listing:
    """A page of a list of entries."""

    entries: list[OwnedEntry]
    next_cursor: str | None
    """None: this is the last page."""


class EntryLister:
    def __init__(self, *, session: Session, cursors: Cursors, most_searches: int) -> None:
        """`most_searches`: how many of one user may run at the same time."""
        self._session = session
        self._cursors = cursors
        self._most_searches = most_searches

    async def list_page(
        self, owner_id: UUID, filters: Filters, *, sort: Sort, cursor: str | None = None, limit: int
    ) -> Listing:
        """A page of the owner's entries. No entry comes twice or is left out, even if others are created meanwhile.

        Raises:
            CursorInvalidError: the cursor is not one of ours, or belongs to another sort.
            NotFoundError: the owner has no such collection.
            TooManySearchesError: too many searches of the owner are running.
        """
        after = None if cursor is None else self._cursors.read(cursor, sort, is_by_time=sort.by != "title")
        if filters.collection is not None:
            filters = replace(filters, collection_id=await self._get_collection(owner_id, filters.collection))
        now = datetime.now(UTC)
        # One more than `limit` tells whether there is a next page.
        is_search = bool(filters.q)
        with search_of(owner_id, most=self._most_searches) if is_search else nullcontext():
            found = await storage.list_entries(
                self._session, owner_id, filters, sort=sort, after=after, limit=limit + 1, now=now
            )
        page = found[:limit]
        has_more = len(found) > limit
        return Listing(
            entries=[each.entry.at(now) for each in page],
            next_cursor=self._cursors.write(page[-1].position, sort) if has_more else None,
        )

    async def list_live(self, owner_id: UUID, keys: Sequence[str]) -> list[OwnedEntry]:
        """Which of the entries belong to the owner and are live, in the order given."""
        found = await storage.list_live(self._session, owner_id, keys, now=datetime.now(UTC))
        by_key = {entry.key: entry for entry in found}
        return [by_key[key] for key in dict.fromkeys(keys) if key in by_key]

    async def count_recent_visits(self, entries: Sequence[OwnedEntry]) -> dict[str, list[int]]:
        """Visits of people to each entry on the last `RECENT_DAYS`, the oldest first, if there were any.

        Each day is 24 hours, and the last one ends with this hour, so no time zone matters.
        """
        if not entries:
            return {}
        end_at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return await storage.count_recent_visits(
            self._session,
            [entry.key for entry in entries],
            start_at=end_at - timedelta(days=RECENT_DAYS),
            days=RECENT_DAYS,
        )

    async def list_collections(self, owner_id: UUID) -> list[tuple[UUID, str]]:
        """Id and name of the owner's collections, by name."""
        return await collections.list_names(self._session, owner_id)

    async def _get_collection(self, owner_id: UUID, collection: str) -> UUID:
        found = await collections.find_by_id_or_name(self._session, owner_id, collection)
        if found is None:
            raise NotFoundError("You have no such collection.")
        return found[0]


BATCH_SIZE = 1000


class EntryExporter:
    """Reads all entries of a user in batches, each in a session of its own.

    A request's session is closed before the first chunk of its answer is sent. No session is open while a batch is
    sent to a client, which may be slow.
    """

    def __init__(self, *, sessions: async_sessionmaker[Session]) -> None:
        self._sessions = sessions

    async def batches(self, owner_id: UUID) -> AsyncIterator[list[OwnedEntry]]:
        """All entries of the owner, live and ended, oldest first; one empty batch if there are none.

        Raises:
            DatabaseUnavailableError: before the first batch, or after some.
        """
        after = None
        while True:
            async with self._sessions() as session:
                found = await storage.list_all(session, owner_id, after=after, limit=BATCH_SIZE)
            now = datetime.now(UTC)
            yield [each.entry.at(now) for each in found]
            if len(found) < BATCH_SIZE:
                return
            after = found[-1].position
