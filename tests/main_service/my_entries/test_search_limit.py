"""One user's searches leave connections to PostgreSQL to others."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from main_service.engines.postgres import Session
from main_service.errors import DatabaseUnavailableError
from main_service.my_entries.filters import Filters, Sort
from main_service.my_entries.numbered_links import NumberedLinks
from main_service.my_entries.search_limit import TooManySearchesError
from main_service.my_entries.service import EntryLister
from main_service.settings import Settings
from main_service.web.cursors import Cursors
from tests.support.settings import VALID_SETTINGS

MOST = 3

Listing = Callable[[UUID], Awaitable[object]]


class NoRows:
    def __iter__(self) -> Any:
        return iter(())

    def all(self) -> list[object]:
        return []

    def scalar_one(self) -> int:
        return 0


class WaitingDatabase:
    """A session whose statements are answered once `answers` is set."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked = 0

    async def execute(self, *_: object, **__: object) -> NoRows:
        self.asked += 1
        await self.answers.wait()
        return NoRows()


def search(database: WaitingDatabase) -> Listing:
    lister = EntryLister(
        session=cast(Session, database), cursors=Cursors(Settings(**VALID_SETTINGS)), most_searches=MOST
    )
    return lambda owner_id: lister.list_page(owner_id, Filters(q="a"), sort=Sort.CREATED, limit=1)


def numbered_list(database: WaitingDatabase) -> Listing:
    links = NumberedLinks(session=cast(Session, database), most_searches=MOST)
    return lambda owner_id: links.list_page(owner_id, limit=1)


@pytest.mark.parametrize("listing_of", [search, numbered_list])
async def test_searches_of_one_user_leave_connections_to_others(
    listing_of: Callable[[WaitingDatabase], Listing],
) -> None:
    database, owner_id = WaitingDatabase(), uuid4()
    listing = listing_of(database)
    running = [asyncio.ensure_future(listing(owner_id)) for _ in range(MOST)]
    while database.asked < MOST:
        await asyncio.sleep(0)

    with pytest.raises(TooManySearchesError):
        await listing(owner_id)
    of_another = asyncio.ensure_future(listing(uuid4()))
    while database.asked < MOST + 1:
        await asyncio.sleep(0)

    database.answers.set()
    await asyncio.gather(*running, of_another)
    await listing(owner_id)


async def test_list_that_is_no_search_is_not_counted() -> None:
    database, owner_id = WaitingDatabase(), uuid4()
    lister = EntryLister(session=cast(Session, database), cursors=Cursors(Settings(**VALID_SETTINGS)), most_searches=1)
    lists = [asyncio.ensure_future(lister.list_page(owner_id, Filters(), sort=Sort.CREATED, limit=1)) for _ in range(5)]
    while database.asked < len(lists):
        await asyncio.sleep(0)

    database.answers.set()
    await asyncio.gather(*lists)


async def test_search_that_fails_is_counted_no_longer() -> None:
    class FailingDatabase(WaitingDatabase):
        async def execute(self, *_: object, **__: object) -> NoRows:
            raise DatabaseUnavailableError

    listing, owner_id = search(FailingDatabase()), uuid4()
    for _ in range(MOST + 1):
        with pytest.raises(DatabaseUnavailableError):
            await listing(owner_id)
