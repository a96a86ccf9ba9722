"""Sessions on a PostgreSQL that ends between two of their statements."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.postgres import Session, create_engine
from main_service.errors import DatabaseUnavailableError
from main_service.monitoring import metrics, tallies
from tests.support.database import connected
from tests.support.engines import Environment, temporary_folder

SOCKET = ".s.PGSQL.5432"


class HalfOpen:
    """Passes on what PostgreSQL says, and that it has closed a connection only later, as a kernel may do."""

    def __init__(self, engine: Path) -> None:
        self._engine = engine
        self.has_ended, self.may_be_seen = asyncio.Event(), asyncio.Event()
        self.talks: list[asyncio.Task[None]] = []

    async def talk(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.append(task)
        engine, to_engine = await asyncio.open_unix_connection(self._engine)
        asking = asyncio.ensure_future(_pass_on(client, to_engine))
        telling = asyncio.ensure_future(_pass_on(engine, to_client))
        await asyncio.wait({asking, telling}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            self.has_ended.set()
            await self.may_be_seen.wait()
        for half in (asking, telling):
            half.cancel()
        await asyncio.gather(asking, telling, return_exceptions=True)
        for writer in (to_engine, to_client):
            writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65_536):
        writer.write(chunk)
        await writer.drain()


@asynccontextmanager
async def half_open(environment: Environment) -> AsyncIterator[tuple[HalfOpen, str]]:
    """A proxy that tells late that PostgreSQL has closed a connection, and the database's address through it."""
    url, _, folder = environment["MAIN_DATABASE_URL"].partition("?host=")
    with temporary_folder() as own:
        way = HalfOpen(Path(folder) / SOCKET)
        async with await asyncio.start_unix_server(way.talk, own / SOCKET):
            yield way, f"{url}?host={own}"
            way.may_be_seen.set()
            await asyncio.gather(*way.talks)


async def ask_again(session: Session) -> None:
    await session.execute(text("SELECT 1"))


@pytest.mark.parametrize("act", [ask_again, Session.commit, Session.rollback, Session.close])
async def test_server_that_ends_between_two_statements_is_away(
    environment: Environment, act: Callable[[Session], Awaitable[None]]
) -> None:
    async with half_open(environment) as (way, url):
        engine = create_engine(url, pool_size=1)
        sessions = async_sessionmaker(engine, class_=Session)
        session = sessions()
        pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        async with connected(environment) as other:
            await other.execute("SELECT pg_terminate_backend($1)", pid)
        await way.has_ended.wait()

        with pytest.raises(DatabaseUnavailableError):
            await act(session)
        way.may_be_seen.set()

        # It can be used again.
        assert (await session.execute(text("SELECT 1"))).scalar_one() == 1
        await session.close()
        await engine.dispose()


async def test_server_that_takes_no_writes_is_away(environment: Environment) -> None:
    engine = create_engine(environment["MAIN_DATABASE_URL"], pool_size=1)
    session = async_sessionmaker(engine, class_=Session)()
    await session.execute(text("SET TRANSACTION READ ONLY"))

    with pytest.raises(DatabaseUnavailableError):
        await session.execute(text("CREATE TABLE written_to_a_standby ()"))

    await session.close()
    await engine.dispose()


async def test_time_of_statements_and_of_their_commit_is_measured(environment: Environment) -> None:
    """On a slow disk only the commit is slow."""

    def measured() -> float:
        tallies.PART_CALLS["database"].hand_over()
        name = "slipbin_part_call_duration_seconds_count"
        return metrics.registry.get_sample_value(name, {"part": "database"}) or 0

    engine = create_engine(environment["MAIN_DATABASE_URL"], pool_size=1)
    sessions = async_sessionmaker(engine, class_=Session)
    try:
        before = measured()
        async with sessions() as session:
            await session.commit()
            of_nothing = measured() - before
            await session.execute(text("SELECT 1"))
            await session.commit()
            assert (of_nothing, measured() - before) == (0, 2)
    finally:
        await engine.dispose()
