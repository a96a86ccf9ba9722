"""PostgreSQL: the declarative base, the engine, and the session that is one transaction."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, cast

import asyncpg
from sqlalchemy import DateTime, Executable, MetaData, Row, Text, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext import asyncio as sqlalchemy_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, NullPool

from main_service.errors import DatabaseUnavailableError
from main_service.monitoring.metrics import PART_FAILURES
from main_service.monitoring.tallies import PART_CALLS

CONNECT_SECONDS = 3
POOL_WAIT_SECONDS = 3
STATEMENT_SECONDS = 4
"""How long a statement may take. With the wait for a connection, it is less than the 10 s that a request may take."""

_AWAY_CODES = ("08", "53", "57", "25006")
"""The beginnings of SQLSTATEs of a PostgreSQL that is unavailable (connection lost, out of resources, shut down or
cancelled) or takes no writes, as after a failover."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text()}


class Session(AsyncSession):
    """One transaction, committed by the request or the task's batch that it is for, and the actions after its commit.

    Raises:
        DatabaseUnavailableError: from any statement or the commit, when PostgreSQL is away, hangs or is full. If it
            was the commit, whether the transaction took place is unknown.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._after_commit: list[Callable[[], Awaitable[None]]] = []

    def after_commit(self, action: Callable[[], Awaitable[None]]) -> None:
        """Run `action` once the transaction is committed, before the answer is sent; never after a rollback."""
        self._after_commit.append(action)

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        async with self._usable_after_failure():
            began_at = time.perf_counter()
            try:
                return await super().execute(*args, **kwargs)
            finally:
                PART_CALLS["database"].add(time.perf_counter() - began_at)

    async def partitions(
        self, statement: Executable, parameters: Mapping[str, Any], *, size: int
    ) -> AsyncIterator[Sequence[Row[Any]]]:
        """The rows of a query in lists of at most `size`, through a server-side cursor: no more are in memory."""
        with _translated_errors():
            options = {"stream_results": True, "max_row_buffer": size}
            result = await self.stream(statement, parameters, execution_options=options)
            try:
                async for partition in result.partitions(size):
                    yield partition
            finally:
                await result.close()

    async def flush(self, *args: Any, **kwargs: Any) -> None:
        async with self._usable_after_failure():
            await super().flush(*args, **kwargs)

    async def rollback(self) -> None:
        self._after_commit.clear()
        async with self._usable_after_failure():
            await super().rollback()

    async def commit(self) -> None:
        async with self._usable_after_failure():
            began_at = time.perf_counter() if self.in_transaction() else None
            try:
                await super().commit()
            finally:
                if began_at is not None:
                    PART_CALLS["database"].add(time.perf_counter() - began_at)
        actions, self._after_commit = self._after_commit, []
        for action in actions:
            await action()

    async def close(self) -> None:
        async with self._usable_after_failure():
            await super().close()

    @asynccontextmanager
    async def _usable_after_failure(self) -> AsyncIterator[None]:
        """Drop the connection on DatabaseUnavailableError, so that its caller can use the session again."""
        try:
            with _translated_errors():
                yield
        except DatabaseUnavailableError:
            self._after_commit.clear()
            # A rollback would wait again for a server that hangs.
            await self.invalidate()
            raise


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError, PoolTimeoutError) as error:
        raise _unavailable() from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # SQLAlchemy does not wrap errors while connecting, such as too many clients or a server that is starting.
        raise _unavailable() from error
    except DBAPIError as error:
        sqlstate = getattr(error.orig, "sqlstate", None) or ""
        is_away = error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
        # The next statement after the server's last message fails inside the driver while it reads that message.
        is_away = is_away or isinstance(getattr(error.orig, "__cause__", None), asyncpg.InternalClientError)
        if is_away or sqlstate.startswith(_AWAY_CODES):
            raise _unavailable() from error
        raise


def _unavailable() -> DatabaseUnavailableError:
    PART_FAILURES.labels("database").inc()
    return DatabaseUnavailableError()


class CountingPool(AsyncAdaptedQueuePool):
    """A pool of connections that tells how many wait for one of it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting = 0
        """Callers that wait until a connection is given back, or is made."""

    def _do_get(self) -> ConnectionPoolEntry:
        self.waiting += 1
        try:
            return super()._do_get()
        finally:
            self.waiting -= 1


def create_engine(
    database_url: str, *, pool_size: int | None, statement_seconds: int = STATEMENT_SECONDS
) -> AsyncEngine:
    """An engine whose every wait is bounded; no connection is made yet.

    `pool_size`: how many connections are kept at most; None keeps none, for tasks, which each have an event loop.
    """
    # Looked up at runtime: where traces are on, it is replaced.
    engine = sqlalchemy_asyncio.create_async_engine(
        database_url,
        # Errors are logged with their statement, whose parameters hold what users wrote.
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": statement_seconds + 1,
            "server_settings": {
                "application_name": "slipbin",
                "statement_timeout": str(statement_seconds * 1000),
                "idle_in_transaction_session_timeout": "60000",
                "jit": "off",
            },
        },
        **(
            {"poolclass": NullPool}
            if pool_size is None
            else {
                "poolclass": CountingPool,
                "pool_size": pool_size,
                "max_overflow": 0,
                "pool_timeout": POOL_WAIT_SECONDS,
            }
        ),
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def refuse_closed_connection(dbapi_connection: Any, *_: Any) -> None:
        """Replace a connection that PostgreSQL closed, as by a restart, without a round trip to find out."""
        if dbapi_connection.driver_connection.is_closed():
            raise DisconnectionError("PostgreSQL has closed this connection")

    return engine


def pool_state(sessions: async_sessionmaker[Session]) -> tuple[int, int, int]:
    """How many connections of a pool are in use and how many idle, and how many callers wait for one."""
    pool = cast("AsyncEngine", sessions.kw["bind"]).pool
    if not isinstance(pool, CountingPool):
        return 0, 0, 0
    return pool.checkedout(), pool.checkedin(), pool.waiting
