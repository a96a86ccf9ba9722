"""Work on many rows, in batches that are each a transaction of their own, so that no request waits for long."""

from typing import Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import InstrumentedAttribute

from main_service.engines.postgres import Session

ROWS_PER_BATCH = 1_000


class TakeBatch(Protocol):
    async def __call__(self, session: Session, *, limit: int) -> int:
        """Process at most `limit` rows; return how many. Fewer than `limit`: none are left."""


async def in_batches(
    sessions: async_sessionmaker[Session], take_batch: TakeBatch, *, limit: int = ROWS_PER_BATCH
) -> int:
    """Take batches of `limit` rows, each in a transaction of its own, until one is not full; return how many rows."""
    total = 0
    while True:
        async with sessions() as session:
            taken = await take_batch(session, limit=limit)
            await session.commit()
        total += taken
        if taken < limit:
            return total


async def delete_batch(
    session: Session, row_id: InstrumentedAttribute[UUID], which: ColumnElement[bool], *, limit: int
) -> int:
    """Delete at most `limit` rows of the table of `row_id`, passing over locked ones; return how many."""
    rows = select(row_id).where(which).limit(limit).with_for_update(skip_locked=True)
    deleted = delete(row_id.class_).where(row_id.in_(rows.scalar_subquery())).returning(row_id)
    execution = deleted.execution_options(synchronize_session=False)
    return len((await session.execute(execution)).scalars().all())
