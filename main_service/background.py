"""Background tasks: one decorator registers, schedules and runs the functions of every feature's `tasks.py`."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import time as time_of_day
from datetime import timedelta
from enum import StrEnum
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from celery import shared_task
from celery.schedules import crontab

from main_service.engines.redis import RedisUnavailableError
from main_service.errors import UnavailableError
from main_service.monitoring import tracing
from main_service.monitoring.log_context import running_task
from main_service.monitoring.metrics import TASK_DURATION, TASK_INTERVAL, TASK_OUTCOMES, TASK_RUNS
from main_service.resources import Resources, open_resources
from main_service.settings import load_settings
from main_service.settings_digests import Digests, digest_settings
from main_service.task_runs import Outcome, RunRecorder


class Queue(StrEnum):
    QUICK = "main_service"
    SLOW = "main_service.slow"
    """For tasks that may take minutes. It has a worker of its own, so that quick tasks never wait for slow ones."""


@dataclass(frozen=True)
class ScheduledTask:
    name: str
    """The name in messages to workers."""
    queue: Queue
    schedule: timedelta | crontab
    expires: timedelta
    """When a round that no worker took is dropped: the next one is due by then."""

    @property
    def daily_at(self) -> time_of_day | None:
        """When it is due each day, in UTC; None: it is due at an interval."""
        if isinstance(self.schedule, timedelta):
            return None
        # The library's types leave these out.
        when: Any = self.schedule
        (hour,), (minute,) = when.hour, when.minute
        return time_of_day(hour, minute)


Round = Callable[[Resources], Awaitable[object]]
AnyRound = TypeVar("AnyRound", bound=Round)

scheduled_tasks: dict[str, ScheduledTask] = {}
"""All decorated tasks, by name. The worker reads them after importing every `tasks.py`."""


def task(
    *,
    queue: Queue,
    every: timedelta | None = None,
    daily_at: str | None = None,
    name: str | None = None,
    one_at_a_time: bool = False,
    log: str | None = None,
) -> Callable[[AnyRound], AnyRound]:
    """Make a coroutine function a task that Celery runs on a schedule; the function itself stays as it is.

    It gets the `Resources` of its round, opened for it alone, and must be repeatable. A round that raises an
    `UnavailableError` or `RedisUnavailableError` ends with a warning, and the next one goes on.

    `every`, or `daily_at` an hour and minute of UTC ("03:00"). What beat missed of these, it sends once it runs.
    `name`: on the wire, after `main_service.`; None: the function's own.
    `one_at_a_time`: a round that begins in the same worker before the last one is over ends at once, so that long
    rounds do not take all threads from other tasks.
    `log`: what to log of a result that is neither None nor 0, as "Ended %d entries".

    Raises:
        ValueError: there are two schedules or none, the name is taken, or no worker would import the module.
    """
    if (every is None) == (daily_at is None):
        raise ValueError("a task has one schedule: `every` or `daily_at`")

    def register(run: AnyRound) -> AnyRound:
        scheduled = ScheduledTask(
            name=f"main_service.{name or run.__name__}",
            queue=queue,
            schedule=every or _daily(daily_at or ""),
            expires=every or timedelta(days=1),
        )
        if not run.__module__.endswith(".tasks"):
            raise ValueError(f"{scheduled.name} must stand in a module named `tasks`, which the worker imports")
        if scheduled.name in scheduled_tasks:
            raise ValueError(f"there are two tasks {scheduled.name}")
        scheduled_tasks[scheduled.name] = scheduled

        def execute() -> None:
            with running_task(scheduled.name.removeprefix("main_service.")):
                _run_round(run, scheduled.name, log=log)

        # Shared, so that no feature imports the worker.
        shared_task(name=scheduled.name)(_unless_running(execute, scheduled.name) if one_at_a_time else execute)
        return run

    return register


def import_tasks() -> None:
    """Import the `tasks.py` of every feature, which fills `scheduled_tasks`."""
    for module in sorted(Path(__file__).parent.glob("*/tasks.py")):
        import_module(f"main_service.{module.parent.name}.tasks")


def schedule() -> dict[str, dict[str, Any]]:
    """The schedule of all tasks, as Celery's beat reads it."""
    return {
        name.removeprefix("main_service."): {
            "task": name,
            "schedule": each.schedule,
            "options": {"expires": each.expires.total_seconds()},
        }
        for name, each in scheduled_tasks.items()
    }


def routes() -> dict[str, dict[str, str]]:
    """The queue of each task, as Celery's router reads it."""
    return {name: {"queue": each.queue.value} for name, each in scheduled_tasks.items()}


def export_tasks() -> None:
    """Export the metrics of all tasks, before any has run."""
    for name, each in scheduled_tasks.items():
        interval = each.schedule if isinstance(each.schedule, timedelta) else timedelta(days=1)
        TASK_INTERVAL.labels(name).set(interval.total_seconds())
        TASK_DURATION.labels(name)
        for outcome in TASK_OUTCOMES:
            TASK_RUNS.labels(name, outcome)


def _daily(at: str) -> crontab:
    hour, _, minute = at.partition(":")
    return crontab(hour=hour, minute=minute)


def _run_round(run: Round, name: str, *, log: str | None) -> None:
    logger = logging.getLogger(run.__module__)
    began_at = time.perf_counter()
    outcome = "failure"
    try:
        result = asyncio.run(_with_resources(run, name))
        outcome = "success"
    except (UnavailableError, RedisUnavailableError) as error:
        outcome = "put_off"
        logger.warning("%s is put off to its next round: %s", name.removeprefix("main_service."), error)
        tracing.note_failure(error)
        return
    finally:
        TASK_RUNS.labels(name, outcome).inc()
        TASK_DURATION.labels(name).observe(time.perf_counter() - began_at)
    if log is not None and result:
        logger.info(log, result)


async def _with_resources(run: Round, name: str) -> object:
    async with open_resources(load_settings(), for_task=True) as resources:
        recorder = RunRecorder(resources.redis, name, settings=_own_digests())
        await recorder.begin()
        try:
            result = await run(resources)
        except (UnavailableError, RedisUnavailableError) as error:
            await recorder.end(Outcome.PUT_OFF, error)
            raise
        except Exception as error:
            await recorder.end(Outcome.FAILED, error)
            raise
        await recorder.end(Outcome.DONE)
        return result


@cache
def _own_digests() -> Digests:
    return digest_settings(load_settings())


def _unless_running(execute: Callable[[], None], name: str) -> Callable[[], None]:
    lock = Lock()

    def execute_alone() -> None:
        if lock.acquire(blocking=False):
            try:
                execute()
            finally:
                lock.release()
        else:
            TASK_RUNS.labels(name, "skipped").inc()

    return execute_alone
