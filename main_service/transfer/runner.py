"""Runs imports. Each batch of items is a transaction, so that the run after a kill continues behind the last one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from enum import Enum, auto
from itertools import islice
from tempfile import TemporaryFile
from time import monotonic
from typing import IO
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.files import FileStore
from main_service.engines.object_store import ObjectMissingError
from main_service.engines.postgres import Session
from main_service.errors import AppError, UnavailableError
from main_service.transfer import storage
from main_service.transfer.batches import BatchImporter, Foreseen
from main_service.transfer.files.temporary import path_of_open_file
from main_service.transfer.formats import ImportFormat, source_of
from main_service.transfer.models import ImportJob
from main_service.transfer.records import Item, Record, SourceLimits

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 4
TURN_SECONDS = 20
"""How long an import may run, at least, while others wait."""
ROUND_SECONDS = 600
"""After this time, a round starts no further turn."""
MAX_OWNERS = 1_000
ITEMS_PER_BATCH = 200
BYTES_PER_BATCH = 8 * 1024 * 1024
"""How much of texts and figures a batch has at most, but for its last item."""
BUG = "Something went wrong. It is in the log of the worker."
FILE_MISSING = "The file is gone. Send it again."
TOO_MANY = "Only the first {:,} items of the file were read. Send the rest as another file."


class _Outcome(Enum):
    OVER = auto()
    GOES_ON = auto()
    """Its turn is over."""
    PUT_OFF = auto()
    """It can't go on in this round."""


class _TurnOverError(Exception):
    """Others wait."""


class _NotGoingOnError(Exception):
    """The import was stopped, its owner's account was disabled or deleted, or another run goes on with it."""


class ImportRunner:
    """Runs the imports that wait. It is safe to run several times at once, and again after a run was killed.

    A run holds an advisory lock on the imports of the owner, which PostgreSQL frees when the connection breaks. Should
    that be while the run goes on, `storage.advance` lets only one of two settle an item.
    """

    def __init__(
        self, *, sessions: async_sessionmaker[Session], files: FileStore, importer: BatchImporter, limits: SourceLimits
    ) -> None:
        self._sessions = sessions
        self._files = files
        self._importer = importer
        self._limits = limits

    async def run_waiting(self) -> int:
        """Run the imports that wait and that no other run has, in turns of their owners; return how many are over.

        Raises:
            UnavailableError: a part is away; the next run goes on.
        """
        ends_at = monotonic() + ROUND_SECONDS
        last_turns: dict[UUID, float] = {}
        put_off: set[UUID] = set()
        count = 0
        while monotonic() < ends_at:
            async with self._sessions() as session:
                waiting = await storage.list_waiting(session, limit=MAX_OWNERS)
            ready = [each for each in waiting if each.owner_id not in put_off]
            if not ready:
                break
            # The owner whose last turn was the longest ago; among owners without a turn, the one who waits longest.
            following = min(ready, key=lambda each: last_turns.get(each.owner_id, 0.0))
            match await self._run(following.id, following.owner_id):
                case _Outcome.OVER:
                    count += 1
                case _Outcome.PUT_OFF:
                    put_off.add(following.owner_id)
            last_turns[following.owner_id] = monotonic()
        return count

    async def _run(self, job_id: UUID, owner_id: UUID) -> "_Outcome":
        async with self._sessions() as lock:
            if not await storage.try_lock(lock, owner_id):
                return _Outcome.PUT_OFF
            job = await self._start(job_id)
            if job is None:
                return _Outcome.PUT_OFF
            return await self._attempt(job)

    async def _attempt(self, job: ImportJob) -> "_Outcome":
        failure: str | None = None
        try:
            if job.attempts > MAX_ATTEMPTS:
                logger.error("Import %s is given up: its workers were killed %d times", job.id, MAX_ATTEMPTS)
                failure = BUG
            else:
                failure = await self._import(job)
        except _TurnOverError:
            return _Outcome.GOES_ON
        except _NotGoingOnError:
            async with self._sessions() as session:
                is_over = await storage.is_over(session, job.id)
            if is_over:
                await self._delete_file(job.id)
            return _Outcome.OVER if is_over else _Outcome.PUT_OFF
        except UnavailableError:
            async with self._sessions() as session:
                await storage.reset_attempts(session, job.id)
                await session.commit()
            raise
        except AppError as error:
            logger.warning("Import %s ends early: %s", job.id, error)
            failure = error.message
        except ObjectMissingError:
            failure = FILE_MISSING
        except Exception:
            # An import that can't be run must not hold up the imports that follow.
            logger.exception("Import %s failed at attempt %d", job.id, job.attempts)
            if job.attempts < MAX_ATTEMPTS:
                return _Outcome.PUT_OFF
            failure = BUG
        await self._finish(job.id, failure)
        return _Outcome.OVER

    async def _import(self, job: ImportJob) -> str | None:
        """Import the items that aren't settled yet; return why not all were read, None if all were."""
        began_at = monotonic()
        # Without a name, so that nothing is left of it after a kill.
        with TemporaryFile() as file:
            await self._download(job, file)
            path = path_of_open_file(file)
            items = await asyncio.to_thread(source_of(ImportFormat(job.format)), path, self._limits)
            # In a thread, like all reading: the settled items may be most of the file.
            foreseen = await asyncio.to_thread(self._skip_settled, items, job)
            position = job.position
            turn_ends_at = monotonic() + max(TURN_SECONDS, 4 * (monotonic() - began_at))
            async for batch in _batches(items):
                if not await self._importer.import_batch(job, batch, position=position, foreseen=foreseen):
                    raise _NotGoingOnError
                position += len(batch)
                if position >= self._limits.max_records:
                    return TOO_MANY.format(position)
                if monotonic() >= turn_ends_at and await self._do_others_wait(job):
                    raise _TurnOverError
        return None

    def _skip_settled(self, items: Iterator[Item], job: ImportJob) -> Foreseen:
        settled = islice(items, job.position)
        if job.is_dry_run:
            return self._importer.recall(job, settled)
        for _ in settled:
            pass
        return Foreseen()

    async def _do_others_wait(self, job: ImportJob) -> bool:
        async with self._sessions() as session:
            return await storage.do_others_wait(session, job)

    async def _download(self, job: ImportJob, file: IO[bytes]) -> None:
        async for chunk in self._files.open(job.id, size_bytes=job.size_bytes):
            await asyncio.to_thread(file.write, chunk)

    async def _start(self, job_id: UUID) -> ImportJob | None:
        async with self._sessions() as session:
            job = await storage.start_attempt(session, job_id)
            await session.commit()
        return job

    async def _finish(self, job_id: UUID, failure: str | None) -> None:
        async with self._sessions() as session:
            await storage.finish(session, job_id, failure=failure)
            await session.commit()
        await self._delete_file(job_id)

    async def _delete_file(self, job_id: UUID) -> None:
        try:
            await self._files.delete([job_id])
        except UnavailableError:
            # The clean-up deletes it.
            return
        async with self._sessions() as session:
            await storage.mark_files_deleted(session, [job_id])
            await session.commit()


async def _batches(items: Iterator[Item]) -> AsyncIterator[Sequence[Item]]:
    while batch := await asyncio.to_thread(_next_batch, items):
        yield batch


def _next_batch(items: Iterator[Item]) -> Sequence[Item]:
    batch: list[Item] = []
    size_bytes = 0
    for item in items:
        batch.append(item)
        size_bytes += item.size_bytes if isinstance(item, Record) else 0
        if len(batch) >= ITEMS_PER_BATCH or size_bytes >= BYTES_PER_BATCH:
            break
    return batch
