"""The day of the last use of an entry is written down once a day, and no request waits for it."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import redis

from tests.support.entries import create_link

WHO_WAITS_FOR_US = """
    SELECT array_agg(pid) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))
"""


async def test_use_is_written_down_once_a_day(
    client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    key = create_link(client)["key"]
    long_ago = datetime.now(UTC) - timedelta(days=3)

    async def used_at(*, used: datetime | None = None) -> datetime | None:
        """Visit the link while it isn't cached; return when it was last used. `used`: when it was before."""
        if used:
            await database.execute("UPDATE entry SET updated_at = $2, used_at = $2 WHERE key = $1", key, used)
        valkey.delete(f"entry:{{0}}:{key}")
        assert client.get(f"/{key}").status_code == 302
        value: datetime | None = await database.fetchval("SELECT used_at FROM entry WHERE key = $1", key)
        return value

    assert await used_at() is None, "it was made today"
    noted = await used_at(used=long_ago)
    assert noted is not None
    assert datetime.now(UTC) - noted < timedelta(minutes=1)
    assert await used_at() == noted
    await database.execute("UPDATE entry SET used_at = NULL, last_visit_at = now() WHERE key = $1", key)
    assert await used_at() is None, "a person has just visited it"


async def test_use_of_an_entry_that_is_being_changed_does_not_wait(
    client: httpx.Client, database: asyncpg.Connection
) -> None:
    key = create_link(client)["key"]
    await database.execute("UPDATE entry SET updated_at = now() - interval '3 days' WHERE key = $1", key)

    async with database.transaction():
        await database.execute("SELECT FROM entry WHERE key = $1 FOR UPDATE", key)
        answer = asyncio.create_task(asyncio.to_thread(client.get, f"/{key}"))
        while not answer.done():
            assert not await database.fetchval(WHO_WAITS_FOR_US)
            await asyncio.wait([answer], timeout=0.02)

    assert answer.result().status_code == 302
