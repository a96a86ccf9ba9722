"""How long PostgreSQL remembers which batches it has."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.database import Session
from main_service.visits import storage
from main_service.visits.stream import VisitStream

REMEMBERED_FOR = timedelta(days=7)
"""Longer than a web process that could not reach Redis goes on trying to add a batch that may be there already."""


async def forget_batches(sessions: async_sessionmaker[Session], stream: VisitStream) -> int:
    """Forget batches that came `REMEMBERED_FOR` before the oldest record that is still in the stream, or before now.

    Return how many. Even a record that waits in the stream for weeks may be a batch that has come already.

    Raises:
        DatabaseUnavailableError, RedisAwayError: the next run does it.
    """
    now = datetime.now(UTC)
    oldest_ms = await stream.oldest_ms()
    oldest_at = now if oldest_ms is None else datetime.fromtimestamp(oldest_ms / 1000, UTC)
    async with sessions() as session:
        forgotten = await storage.forget_batches(session, before=min(now, oldest_at) - REMEMBERED_FOR)
        await session.commit()
    return forgotten
