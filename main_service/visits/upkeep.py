"""Maintains the tables of visits: monthly partitions of `visit` are made ahead and dropped after the retention, and old
rows of `visit_batch` deleted."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.batches import in_batches
from main_service.engines.postgres import Session
from main_service.visit_stream.reader import VisitStream
from main_service.visit_stream.record import ID_LIFETIME
from main_service.visits import storage

MONTHS_AHEAD = 2
_ROWS_AT_ONCE = 10_000

_NAME = re.compile(r"visit_(\d{4})_(\d\d)")
_LIST = text(
    """
    SELECT child.relname
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = CAST('visit' AS regclass)
    """
)
_EMPTY_DEFAULT = text(
    """
    DELETE FROM visit_default
    WHERE ctid = ANY (ARRAY(SELECT ctid FROM visit_default WHERE visited_at < :before LIMIT :most))
    """
)


class Month(NamedTuple):
    """A month of UTC."""

    year: int
    number: int

    @classmethod
    def of(cls, instant: datetime) -> "Month":
        at = instant.astimezone(UTC)
        return cls(at.year, at.month)

    @property
    def name(self) -> str:
        """The name of its partition."""
        return f"visit_{self.year:04}_{self.number:02}"

    @property
    def begins_at(self) -> datetime:
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def next(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)


class PartitionChanges(NamedTuple):
    """What a run changed."""

    made: list[str]
    """Names of partitions, earliest first, as in `dropped`."""
    dropped: list[str]
    deleted: int
    """How many visits were deleted from the default partition."""


class Partitions:
    """Safe to run at any time, twice at once, and again after it was killed. Each step waits for a running ingest."""

    def __init__(self, *, sessions: async_sessionmaker[Session], retention: timedelta) -> None:
        """`retention`: how long single visits are kept; a month is dropped when that is over for its last visit."""
        self._sessions = sessions
        self._retention = retention

    async def maintain(self, now: datetime) -> PartitionChanges:
        """Make this month and the next two, drop the old ones, and empty the default partition of what is old.

        Raises:
            DatabaseUnavailableError: what is left is done by the next run.
        """
        before = now - self._retention
        wanted = [Month.of(now)]
        for _ in range(MONTHS_AHEAD):
            wanted.append(wanted[-1].next)
        made = [month.name for month in wanted if await self._make(month)]
        old = [month for month in await self._list() if month.next.begins_at <= before]
        dropped = [month.name for month in old if await self._drop(month)]
        return PartitionChanges(made, dropped, await self._empty_default(before))

    async def _make(self, month: Month) -> bool:
        """Make a partition, if there is none yet, of a table that has what waits for it in the default partition."""
        async with self._sessions() as session:
            await storage.lock(session)
            if month in await _list(session):
                return False
            bounds = f"visited_at >= '{month.begins_at}' AND visited_at < '{month.next.begins_at}'"
            for statement in (
                f"CREATE TABLE {month.name} (LIKE visit)",
                f"WITH moved AS (DELETE FROM visit_default WHERE {bounds} RETURNING *)"  # noqa: S608
                f" INSERT INTO {month.name} SELECT * FROM moved",
                f"ALTER TABLE visit ATTACH PARTITION {month.name}"
                f" FOR VALUES FROM ('{month.begins_at}') TO ('{month.next.begins_at}')",
            ):
                await session.execute(text(statement))
            await session.commit()
            return True

    async def _list(self) -> list[Month]:
        async with self._sessions() as session:
            return await _list(session)

    async def _drop(self, month: Month) -> bool:
        async with self._sessions() as session:
            await storage.lock(session)
            if month not in await _list(session):
                return False
            await session.execute(text(f"DROP TABLE {month.name}"))
            await session.commit()
            return True

    async def _empty_default(self, before: datetime) -> int:
        async def empty(session: Session, *, limit: int) -> int:
            emptied = await session.execute(_EMPTY_DEFAULT, {"before": before, "most": limit})
            return int(emptied.rowcount)

        return await in_batches(self._sessions, empty, limit=_ROWS_AT_ONCE)


async def _list(session: Session) -> list[Month]:
    names = (await session.execute(_LIST)).scalars()
    found = (_NAME.fullmatch(name) for name in names)
    return sorted(Month(int(match[1]), int(match[2])) for match in found if match)


async def purge_batches(sessions: async_sessionmaker[Session], stream: VisitStream) -> int:
    """Delete the ids of batches that came `ID_LIFETIME` before the oldest record still in the stream, or before now.

    Return how many. Even a record that waits in the stream for weeks may be a batch that has come already.

    Raises:
        DatabaseUnavailableError, RedisUnavailableError: the next run deletes them.
    """
    now = datetime.now(UTC)
    oldest_ms = await stream.oldest_ms()
    oldest_at = now if oldest_ms is None else datetime.fromtimestamp(oldest_ms / 1000, UTC)
    async with sessions() as session:
        deleted = await storage.delete_batches(session, before=min(now, oldest_at) - ID_LIFETIME)
        await session.commit()
    return deleted
