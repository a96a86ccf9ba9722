"""Looks at what the sessions of the service do in PostgreSQL."""

import asyncpg

from tests.support.waiting import eventually_async

OUR_SESSIONS = "FROM pg_stat_activity WHERE application_name = 'slipbin'"


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
