"""Deletes the files of reports that have expired or that nobody wants any more."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.database import Session
from main_service.files import FileStore
from main_service.reports import storage

FORGOTTEN_AFTER = timedelta(days=30)
"""So long a report says that it has expired."""
FILES_PER_BATCH = 100


async def forget_reports(sessions: async_sessionmaker[Session], files: FileStore) -> int:
    """Delete the files that are due, then the rows; return how many files. Repeatable.

    Raises:
        DatabaseUnavailableError, BodyStoreUnavailableError: what is left is done by the next run.
    """
    total = 0
    while True:
        async with sessions() as session:
            report_ids = await storage.list_files_to_delete(session, limit=FILES_PER_BATCH)
            # The rows stay locked meanwhile, and name the files until they are gone.
            await files.delete(report_ids)
            await storage.note_deleted_files(session, report_ids)
            await session.commit()
        total += len(report_ids)
        if len(report_ids) < FILES_PER_BATCH:
            break
    async with sessions() as session:
        await storage.forget_expired(session, longer_than=FORGOTTEN_AFTER)
        await session.commit()
    return total
