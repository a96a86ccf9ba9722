"""Work on many rows, in batches that are each a transaction of their own, so that nobody waits for it."""

from typing import Protocol

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.postgres import Session

ROWS_PER_BATCH = 1_000


class TakeBatch(Protocol):
    async def __call__(self, session: Session, *, limit: int) -> int:
        """Do something to at most `limit` rows; return to how many."""


async def in_batches(sessions: async_sessionmaker[Session], take_batch: TakeBatch) -> int:
    """Take batches until one is not full; return how many rows there were."""
    total = 0
    while True:
        async with sessions() as session:
            taken = await take_batch(session, limit=ROWS_PER_BATCH)
            await session.commit()
        total += taken
        if taken < ROWS_PER_BATCH:
            return total
