"""All of one's own entries at once, a batch at a time."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.database import Session
from main_service.profile import storage
from main_service.profile.owned_entry import OwnedEntry

BATCH = 1000


class EntryExporter:
    """Has sessions of its own: that of a request is closed before the first chunk of its answer is sent.

    None is open while a batch is on its way to a client, who may take as long as it likes.
    """

    def __init__(self, *, sessions: async_sessionmaker[Session]) -> None:
        self._sessions = sessions

    async def batches(self, owner_id: UUID) -> AsyncIterator[list[OwnedEntry]]:
        """Every entry of the owner's, live and ended, oldest first; an empty batch when there is none.

        Raises:
            DatabaseUnavailableError: maybe in the middle.
        """
        after = None
        while True:
            async with self._sessions() as session:
                placed = await storage.list_all(session, owner_id, after=after, limit=BATCH)
            now = datetime.now(UTC)
            yield [each.entry.at(now) for each in placed]
            if len(placed) < BATCH:
                return
            after = placed[-1].position
