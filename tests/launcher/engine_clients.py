"""Real clients of a launcher's engines, at the addresses it prints."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import redis

from tests.launcher.launched import Launched
from tests.support.waiting import eventually, eventually_async


@asynccontextmanager
async def connected_to_postgres(launched: Launched) -> AsyncIterator[asyncpg.Connection]:
    """A connection to our database, waited for if the server is just starting again; cut at the end."""
    address = launched.addresses["MAIN_DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")

    async def connect() -> asyncpg.Connection | None:
        try:
            return await asyncpg.connect(address)
        except (OSError, asyncpg.CannotConnectNowError):
            return None

    connection = await eventually_async(connect, "a connection to PostgreSQL")
    try:
        yield connection
    finally:
        # The server may be gone.
        connection.terminate()


def connect_to_valkey(launched: Launched) -> "redis.Redis":
    """A client that answers with text, waited for if the server is just starting again."""
    client = redis.Redis.from_url(launched.addresses["MAIN_REDIS_URL"], decode_responses=True)

    def is_answered() -> bool:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False

    eventually(is_answered, "an answer of Valkey")
    return client
