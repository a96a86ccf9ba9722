"""Jobs that a superuser asks for: written down by a request, found and done by the worker."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.admin_jobs import storage
from main_service.admin_jobs.models import AdminTask, JobKind
from main_service.cleanup.service import Cleaned, Cleanup
from main_service.engines.batches import in_batches
from main_service.engines.postgres import Session
from main_service.errors import AppError, NotFoundError

logger = logging.getLogger(__name__)

BEGIN_AGAIN_AFTER = timedelta(hours=1)
"""A run that has not finished by then is taken for killed. All work can be repeated, and shared by two."""
BUG = "Something went wrong. It is in the log of the worker."

Counts = dict[str, int]


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


def state_of(task: AdminTask) -> JobState:
    if task.finished_at is not None:
        return JobState.DONE if task.failure is None else JobState.FAILED
    return JobState.WAITING if task.started_at is None else JobState.RUNNING


class Asking:
    def __init__(self, *, session: Session) -> None:
        self._session = session

    async def ask(self, kind: JobKind, *, days: int | None = None) -> AdminTask:
        """Write down that this is to be done; begun within about 10 s while a worker has nothing else of this kind."""
        task = AdminTask(id=uuid4(), kind=kind, days=days)
        await storage.create_task(self._session, task)
        return task

    async def get(self, task_id: UUID) -> AdminTask:
        """Raises:
        NotFoundError: there is no such task, or it was finished 30 days ago.
        """
        task = await storage.find_task(self._session, task_id)
        if task is None:
            raise NotFoundError
        return task


@dataclass(frozen=True)
class _Begun:
    """A task as this run has taken it."""

    id: UUID
    kind: JobKind
    days: int | None
    started_at: datetime


class AskedWork:
    """Does what was asked for. `ways`: how each work is done, in transactions of its own."""

    def __init__(
        self,
        *,
        sessions: async_sessionmaker[Session],
        ways: Mapping[JobKind, Callable[[int | None], Awaitable[Counts]]],
    ) -> None:
        self._sessions = sessions
        self._ways = ways

    async def do_all(self) -> int:
        """Do what is open, one after the other; return how many were done, with or without success.

        Raises:
            DatabaseUnavailableError: the task at hand is begun again after `BEGIN_AGAIN_AFTER`.
        """
        done = 0
        while (begun := await self._begin()) is not None:
            await self._do(begun)
            done += 1
        return done

    async def _begin(self) -> _Begun | None:
        """The oldest task that nobody is at, taken: it is committed that this run is at it."""
        async with self._sessions() as session:
            task = await storage.begin_task(session, again_after=BEGIN_AGAIN_AFTER)
            await session.commit()
        if task is None:
            return None
        assert task.started_at is not None
        return _Begun(id=task.id, kind=task.kind, days=task.days, started_at=task.started_at)

    async def _do(self, begun: _Begun) -> None:
        result: Counts | None = None
        failure: str | None = None
        try:
            result = await self._ways[begun.kind](begun.days)
        except AppError as error:
            logger.warning("%s, asked for as %s, stopped: %s", begun.kind, begun.id, error)
            failure = error.message
        except Exception:
            # The edge of this work: else it would be begun again each hour for ever, and hold up what waits behind it.
            logger.exception("%s, asked for as %s, failed", begun.kind, begun.id)
            failure = BUG
        async with self._sessions() as session:
            await storage.finish_task(session, begun.id, started_at=begun.started_at, result=result, failure=failure)
            await session.commit()
        if failure is None:
            logger.info("%s, asked for as %s, is done: %s", begun.kind, begun.id, result)


@dataclass(frozen=True)
class AllCleaned(Cleaned):
    tasks_forgotten: int
    """Tasks that superusers ordered, deleted because they were finished 30 days ago or earlier."""


async def clean_up_all(cleanup: Cleanup, sessions: async_sessionmaker[Session]) -> AllCleaned:
    """All steps of the clean-up, and before them, for the object store may be away, that of the jobs themselves.

    Raises:
        DatabaseUnavailableError, BodyStoreUnavailableError: what is left is done by the next run.
    """
    forgotten = await in_batches(sessions, storage.forget_tasks)
    return AllCleaned(**vars(await cleanup.clean_up()), tasks_forgotten=forgotten)
