"""Entries that are made at once share a commit, and nothing else."""

import asyncio
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, repeat
from uuid import uuid4

import asyncpg
import httpx
import pytest

from main_service.accounts.errors import TokenInvalidError
from main_service.entries.entry import LiveEntry
from main_service.entries.insert_batches import LARGEST_BATCH, InsertBatcher
from main_service.errors import DatabaseUnavailableError
from main_service.resources import open_resources
from tests.support.engines import Environment
from tests.support.entries import new_alias
from tests.support.live_entries import new_live_entry
from tests.support.settings import settings_of


@pytest.fixture
async def batcher(environment: Environment) -> AsyncIterator[InsertBatcher]:
    async with open_resources(settings_of(environment)) as resources:
        yield InsertBatcher(resources.sessions, resources.key_filter)


async def insert_all(batcher: InsertBatcher, links: list[LiveEntry]) -> list[bool | BaseException]:
    async with asyncio.timeout(60):
        return await asyncio.gather(*map(batcher.insert, links), return_exceptions=True)


async def transactions(database: asyncpg.Connection, links: list[LiveEntry]) -> list[int]:
    """How many of the links each transaction has made."""
    rows = await database.fetch(
        "SELECT count(*) FROM entry WHERE key = ANY($1) GROUP BY xmin::text", [link.key for link in links]
    )
    return [row["count"] for row in rows]


async def test_many_at_once_are_few_transactions(batcher: InsertBatcher, database: asyncpg.Connection) -> None:
    links = [new_live_entry() for _ in range(LARGEST_BATCH + 50)]

    assert await insert_all(batcher, links) == [True] * len(links)

    assert sorted(await transactions(database, links)) == [50, LARGEST_BATCH]


async def test_each_is_what_it_was_made_of(batcher: InsertBatcher, database: asyncpg.Connection) -> None:
    links = [
        new_live_entry(title=f"the {number}th", original_url=f"https://example.org/{number}") for number in range(20)
    ]

    await insert_all(batcher, links)

    rows = await database.fetch("SELECT * FROM entry WHERE key = ANY($1)", [link.key for link in links])
    made = {row["key"]: row for row in rows}
    for link in links:
        row = made[link.key]
        assert all(row[name] == value for name, value in vars(link).items())


async def test_of_two_that_want_one_key_the_first_has_it(batcher: InsertBatcher, database: asyncpg.Connection) -> None:
    first = new_live_entry(title="first")
    others = [replace(first, title=f"{number}") for number in range(3)]
    unconcerned = new_live_entry()

    assert await insert_all(batcher, [first, *others, unconcerned]) == [True, False, False, False, True]
    assert await insert_all(batcher, others) == [False] * 3

    assert await database.fetchval("SELECT title FROM entry WHERE key = $1", first.key) == "first"


@pytest.mark.parametrize(
    "broken", [{"owner_id": uuid4()}, {"title": "\x00"}, {"title": "\ud800"}], ids=["no such owner", "NUL", "surrogate"]
)
async def test_one_that_fails_fails_alone(
    batcher: InsertBatcher, database: asyncpg.Connection, broken: dict[str, object]
) -> None:
    links = [new_live_entry() for _ in range(5)]
    crowd = [*links[:3], new_live_entry(**broken), *links[3:]]

    outcomes = await insert_all(batcher, crowd)

    assert [outcome is True for outcome in outcomes] == [True, True, True, False, True, True]
    assert isinstance(outcomes[3], TokenInvalidError if "owner_id" in broken else Exception)
    assert sum(await transactions(database, crowd)) == 5


async def test_no_request_waits_for_those_that_were_cancelled(batcher: InsertBatcher) -> None:
    gone = asyncio.create_task(batcher.insert(new_live_entry()))
    behind = asyncio.create_task(batcher.insert(new_live_entry()))
    await asyncio.sleep(0)
    gone.cancel()

    async with asyncio.timeout(30):
        assert await behind
    assert gone.cancelled()


async def test_database_that_hangs_is_waited_for_once_by_all_and_not_for_ever(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        address = f"postgresql+asyncpg://slipbin@127.0.0.1:{silent.getsockname()[1]}/slipbin"
        hanging = settings_of(environment | {"MAIN_DATABASE_URL": address})
        async with open_resources(hanging) as away, open_resources(settings_of(environment)) as there:
            batcher = InsertBatcher(away.sessions, away.key_filter)

            outcomes = await insert_all(batcher, [new_live_entry() for _ in range(LARGEST_BATCH + 5)])

            assert all(isinstance(outcome, DatabaseUnavailableError) for outcome in outcomes)
            silent.accept()[0].close()
            with pytest.raises(BlockingIOError):
                silent.accept()
            batcher._sessions = there.sessions
            assert await insert_all(batcher, [new_live_entry()]) == [True]


async def test_database_that_hangs_while_rows_are_tried_alone_is_waited_for_once(environment: Environment) -> None:
    """The third time that a session is asked for, PostgreSQL hangs: a batch has failed, and its first row is made."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        address = f"postgresql+asyncpg://slipbin@127.0.0.1:{silent.getsockname()[1]}/slipbin"
        hanging = settings_of(environment | {"MAIN_DATABASE_URL": address})
        async with open_resources(hanging) as away, open_resources(settings_of(environment)) as there:
            sessions = chain([there.sessions, there.sessions], repeat(away.sessions))
            batcher = InsertBatcher(lambda: next(sessions)(), away.key_filter)  # type: ignore[arg-type]
            batch = [
                new_live_entry(),
                new_live_entry(owner_id=uuid4()),
                *(new_live_entry() for _ in range(LARGEST_BATCH - 2)),
            ]

            outcomes = await insert_all(batcher, [*batch, new_live_entry()])

            assert outcomes[0] is True
            assert all(isinstance(outcome, DatabaseUnavailableError) for outcome in outcomes[1:])
            silent.accept()[0].close()
            with pytest.raises(BlockingIOError):
                silent.accept()


def test_crowd_of_clients_gets_an_entry_each(client: httpx.Client) -> None:
    with ThreadPoolExecutor(16) as pool:
        urls = [f"https://example.org/{number}" for number in range(200)]
        answers = list(pool.map(lambda url: client.post("/api/v1/links", json={"original_url": url}), urls))
        alias = {"original_url": urls[0], "alias": new_alias()}
        rivals = list(pool.map(lambda _: client.post("/api/v1/links", json=alias), range(16)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["key"] for answer in answers}) == 200
    for answer, url in zip(answers, urls, strict=True):
        assert client.get(f"/{answer.json()['key']}").headers["location"] == url
    assert sorted(rival.status_code for rival in rivals) == [201] + [409] * 15
