"""Imports of a user: ordered, listed and stopped. `runner` carries them out."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.accounts.account_guards import lock_account, require_confirmed
from main_service.engines.files import FileStore
from main_service.engines.postgres import Session
from main_service.entries import storage as entries
from main_service.entries.errors import IdempotencyKeyReusedError
from main_service.entries.idempotency import IdempotentRequest
from main_service.errors import NotFoundError
from main_service.settings import Settings
from main_service.transfer import storage
from main_service.transfer.errors import ImportFinishedError, TooManyImportsError, TooManyImportsWaitingError
from main_service.transfer.formats import ImportFormat
from main_service.transfer.models import ImportJob, ImportLine
from main_service.transfer.records import printable

MAX_WAITING = 3
"""The most imports of a user that aren't over."""
MAX_A_DAY = 50
KEPT_FOR = timedelta(days=30)
"""How long an import is listed after it was over."""
LINES_PER_BATCH = 1_000
SHOWN_FAULTS = 100


class ImportState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


def state_of(job: ImportJob) -> ImportState:
    if job.finished_at is None:
        return ImportState.WAITING if job.started_at is None else ImportState.RUNNING
    if job.stopped_at is not None:
        return ImportState.STOPPED
    return ImportState.DONE if job.failure is None else ImportState.FAILED


class ImportService:
    """The imports of one user per call. Those of other users raise NotFoundError, as unknown ids do."""

    def __init__(
        self, *, session: Session, sessions: async_sessionmaker[Session], files: FileStore, settings: Settings
    ) -> None:
        """`sessions`: for what outlives the request's transaction."""
        self._session = session
        self._sessions = sessions
        self._files = files
        self._settings = settings

    async def order(
        self,
        owner_id: UUID,
        source: Path,
        *,
        size_bytes: int,
        name: str,
        file_format: ImportFormat,
        is_dry_run: bool,
        idempotency: IdempotentRequest | None = None,
    ) -> ImportJob:
        """Order an import of a file. The worker begins within about 10 s. `name`: what its owner calls the file.

        `idempotency`: if a request with the same scope and key has ordered an import before, that is returned.

        Raises:
            IdempotencyKeyReusedError: that one had another file, or asked for something else.
            NotFoundError: that one was an account's that is gone.
            StorageFullError: there is no room for the file.
            AddressUnconfirmedError: users must confirm their address first, and this one has not.
            TooManyImportsWaitingError, TooManyImportsError: wait.
            BodyStoreUnavailableError: the file can't be kept.
            TokenInvalidError: the account has just been deleted or disabled.
        """
        if made := await self._find_made_or_allow(owner_id, idempotency):
            return made
        # No connection is held while the file is stored. A file that is stored and then refused has no row.
        await self._session.commit()
        job_id = uuid4()
        await self._files.require_room()
        await self._files.put(job_id, source)
        try:
            made = await self._find_made_or_allow(owner_id, idempotency)
        except Exception:
            await self._files.delete([job_id])
            raise
        if made:
            await self._files.delete([job_id])
            return made
        job = ImportJob(
            id=job_id,
            owner_id=owner_id,
            format=file_format.value,
            file_name=printable(name) or "file",
            size_bytes=size_bytes,
            is_dry_run=is_dry_run,
        )
        await storage.create(self._session, job)
        if idempotency is not None:
            # The account is locked, so that no other request has remembered it meanwhile.
            await entries.remember_idempotency_key(self._session, idempotency, entry_key=str(job_id))
        return job

    async def require_allowed(self, owner_id: UUID, repeatable: IdempotentRequest | None = None) -> None:
        """Check before the file is read, so that users who may not import can't send one to our disk.

        `repeatable`: the request's scope and key. What has ordered an import before is allowed.

        Raises:
            AddressUnconfirmedError, TooManyImportsWaitingError, TooManyImportsError, TokenInvalidError: as for `order`.
        """
        if repeatable is None or await entries.find_idempotency_key(self._session, repeatable) is None:
            await self._require_allowed(owner_id)
        # Neither lock nor connection is held while the file arrives.
        await self._session.commit()

    async def _find_made_or_allow(self, owner_id: UUID, idempotency: IdempotentRequest | None) -> ImportJob | None:
        """The import that the same request has ordered before; None: there is none, and the user may order one."""
        # The lock makes concurrent orders of one user count each other, and a request that is sent twice wait.
        await lock_account(self._session, owner_id)
        if idempotency and (remembered := await entries.find_idempotency_key(self._session, idempotency)):
            if remembered.body_digest != idempotency.body_digest:
                raise IdempotencyKeyReusedError
            return await self.get(owner_id, UUID(remembered.entry_key))
        await self._require_allowed(owner_id)
        return None

    async def _require_allowed(self, owner_id: UUID) -> None:
        require_confirmed(await lock_account(self._session, owner_id), self._settings)
        waiting, recent = await storage.count_owned(self._session, owner_id)
        if waiting >= MAX_WAITING:
            raise TooManyImportsWaitingError
        if recent >= MAX_A_DAY:
            raise TooManyImportsError

    async def list(self, owner_id: UUID) -> Sequence[ImportJob]:
        """The owner's imports, newest first. They are kept for 30 days after they were over."""
        return await storage.list_owned(self._session, owner_id)

    async def get(self, owner_id: UUID, job_id: UUID) -> ImportJob:
        """Raises:
        NotFoundError: the owner has no such import.
        """
        job = await storage.find_owned(self._session, owner_id, job_id)
        if job is None:
            raise NotFoundError
        return job

    async def stop(self, owner_id: UUID, job_id: UUID) -> ImportJob:
        """End an import. What it has created stays.

        Raises:
            NotFoundError: the owner has no such import.
            ImportFinishedError: it is over already.
        """
        job = await self.get(owner_id, job_id)
        if not await storage.stop(self._session, job_id):
            raise ImportFinishedError
        await self._session.refresh(job)
        return job

    async def list_faults(self, job_id: UUID) -> Sequence[ImportLine]:
        """The first lines of an import that people should look at."""
        return await storage.list_faults(self._session, job_id, limit=SHOWN_FAULTS)

    async def lines(self, job_id: UUID) -> AsyncIterator[Sequence[ImportLine]]:
        """All lines so far of an import, in batches, each in a transaction of its own."""
        after = 0
        while True:
            async with self._sessions() as session:
                batch = await storage.list_lines(session, job_id, after=after, limit=LINES_PER_BATCH)
            if not batch:
                return
            yield batch
            after = batch[-1].position
