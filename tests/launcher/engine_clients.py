"""Real clients of a launcher's engines, at the addresses it prints."""

import asyncio
import time

import asyncpg
import redis

from tests.launcher.launched import PATIENCE_SECONDS, Launched, wait_for


async def connect_to_postgres(launched: Launched) -> asyncpg.Connection:
    """A connection to our database, waited for if the server is just starting again."""
    address = launched.addresses["MAIN_DATABASE_URL"].replace("postgresql+asyncpg", "postgresql")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await asyncpg.connect(address)
        except (OSError, asyncpg.CannotConnectNowError):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


def connect_to_valkey(launched: Launched) -> "redis.Redis":
    """A client that answers with text, waited for if the server is just starting again."""
    client = redis.Redis.from_url(launched.addresses["MAIN_REDIS_URL"], decode_responses=True)

    def is_answered() -> bool:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False

    wait_for(is_answered, "an answer of Valkey")
    return client
