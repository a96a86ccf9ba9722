"""Connections to PostgreSQL that are always closed, databases of a test's own, and what the service's sessions do."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import redis

from tests.support.engines import Environment
from tests.support.waiting import eventually_async

MIGRATED = "migrated"
"""A database beside the one that the tests share, with its tables and without a row."""
OUR_SESSIONS = "FROM pg_stat_activity WHERE application_name = 'slipbin'"


@asynccontextmanager
async def connected(database: Environment | str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to the database of an environment, or at an address.

    It is closed also when a test fails: the garbage of a test is found during a later one, which would fail too.
    """
    url = database if isinstance(database, str) else database["MAIN_DATABASE_URL"]
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


def execute(database: Environment | str, *statements: str) -> None:
    """Run statements one by one, each in a transaction of its own."""

    async def run() -> None:
        async with connected(database) as connection:
            for statement in statements:
                await connection.execute(statement)

    # In a thread, because a test with an event loop of its own may be waiting for us.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, run()).result()


def new_database(environment: Environment, name: str) -> Environment:
    """The same engines with a new database: the tables, and no row.

    It is a copy, because migrating takes ten times as long. It goes when the engines go.
    """
    execute(environment, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name} TEMPLATE {MIGRATED}")
    return environment | {"MAIN_DATABASE_URL": environment["MAIN_DATABASE_URL"].replace("/slipbin?", f"/{name}?")}


def new_stores(environment: Environment, name: str, *, valkey: int, broker: int) -> Environment:
    """The same engines with a database, databases of Valkey of these numbers and a folder of texts, all of them empty.

    For tests that count what they find, or break what others need. It takes a tenth of what engines of their own take.
    """
    own = new_database(environment, name)
    for setting, value in environment.items():
        if setting.endswith(("_REDIS_URL", "_BROKER_URL")):
            own[setting] = value.replace("db=0", f"db={valkey}").replace("virtual_host=1", f"virtual_host={broker}")
    for number in (valkey, broker):
        with redis.Redis.from_url(environment["MAIN_REDIS_URL"].replace("db=0", f"db={number}")) as connection:
            connection.flushdb()
    texts = f"{environment['MAIN_BODY_STORE_URL']}-of-{name}"
    Path(texts.removeprefix("file://")).mkdir(exist_ok=True)
    return own | {"MAIN_BODY_STORE_URL": texts}


def wait_for_locks_to_be_free(database: Environment | str) -> None:
    """PostgreSQL finds out a moment later that a client was killed; tasks leave out what it has locked until then."""
    tables = "entry, body_to_delete, stale_key, idempotency_key"
    execute(database, f"BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE; COMMIT")


async def wait_for_blocked_statements(database: asyncpg.Connection, count: int = 1, *, like: str = "%") -> None:
    """Wait until at least `count` statements of the service whose text is `like` this wait for a lock.

    `database` may be in a transaction.
    """

    async def are_blocked() -> bool:
        # Within one transaction the view would show what it showed the first time.
        await database.execute("SELECT pg_stat_clear_snapshot()")
        question = f"SELECT count(*) {OUR_SESSIONS} AND wait_event_type = 'Lock' AND query LIKE $1"
        return bool(await database.fetchval(question, like) >= count)

    await eventually_async(are_blocked, f"{count} statements that wait for a lock")
