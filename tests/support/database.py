"""Looks at what the sessions of the service do in PostgreSQL."""

import asyncio
import time

import asyncpg

HANG_SECONDS = 30
OUR_SESSIONS = "FROM pg_stat_activity WHERE application_name = 'slipbin'"


async def wait_for_blocked_statement(database: asyncpg.Connection) -> None:
    """Until a statement of the service waits for a lock."""
    deadline = time.monotonic() + HANG_SECONDS
    while not await database.fetchval(f"SELECT count(*) {OUR_SESSIONS} AND wait_event_type = 'Lock'"):
        assert time.monotonic() < deadline, "no statement waits for the lock"
        await asyncio.sleep(0.01)
        # Within one transaction the view would show what it showed the first time.
        await database.execute("SELECT pg_stat_clear_snapshot()")
