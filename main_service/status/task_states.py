"""The state of each background task: when it last ran, when it is due again, and whether it is overdue."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day

from main_service.background import ScheduledTask
from main_service.operations.engine_metrics import TOP_UP
from main_service.task_runs import TaskRun

KEYGEN_QUEUE = "keygen_service"
TOP_UP_EVERY = timedelta(seconds=10)
PATIENCE = timedelta(seconds=60)
"""How late a frequent task may be: after a restart, or behind others."""
VERY_FREQUENT = timedelta(seconds=30)
"""Up to this interval, a task of which no run is known is overdue; others run for the first time after a while."""
DAILY_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class TaskState:
    name: str
    """Without `main_service.`."""
    queue: str
    every: timedelta | None
    """None: once a day."""
    due_before: datetime
    """When it was last due, by its schedule alone."""
    run: TaskRun | None
    """None: no run is known."""
    now: float
    is_new: bool = False
    """Whether the installation has just been started, so that tasks of which no run is known may still come."""

    @property
    def last_sign(self) -> float | None:
        """When it last began or ended, in seconds since 1970."""
        times = [] if self.run is None else [at for at in (self.run.began_at, self.run.ended_at) if at is not None]
        return max(times, default=None)

    @property
    def is_overdue(self) -> bool:
        """Whether it should have run by now and has not."""
        if self.every is None:
            missed_for = self.now - self.due_before.timestamp()
            is_missed = self.last_sign is not None and self.last_sign < self.due_before.timestamp() - 60
            return is_missed and missed_for > DAILY_PATIENCE.total_seconds()
        if self.last_sign is None:
            return self.every <= VERY_FREQUENT and not self.is_new
        return self.now - self.last_sign > max(3 * self.every, PATIENCE).total_seconds()

    @property
    def next_at(self) -> float | None:
        """When it is due again, in seconds since 1970; None if no run is known."""
        if self.every is None:
            return (self.due_before + timedelta(days=1)).timestamp()
        began = self.run.began_at if self.run is not None else None
        return None if began is None else began + self.every.total_seconds()


def read_states(
    tasks: Iterable[ScheduledTask], runs: Mapping[str, TaskRun], *, is_new: bool = False
) -> list[TaskState]:
    """The states of all tasks, the most frequent first, with that of keygen_service. `is_new`: as of `TaskState`."""
    now = time.time()
    states = [
        TaskState(
            name=task.name.removeprefix("main_service."),
            queue=task.queue.value,
            every=task.schedule if isinstance(task.schedule, timedelta) else None,
            due_before=_due_before(task.daily_at, now),
            run=runs.get(task.name),
            now=now,
            is_new=is_new,
        )
        for task in tasks
    ]
    states.append(
        TaskState(TOP_UP, KEYGEN_QUEUE, TOP_UP_EVERY, datetime.fromtimestamp(now, UTC), runs.get(TOP_UP), now, is_new)
    )
    return sorted(states, key=lambda state: (state.every or timedelta(days=1), state.due_before.time(), state.name))


def _due_before(daily_at: time_of_day | None, now: float) -> datetime:
    at = datetime.fromtimestamp(now, UTC)
    if daily_at is None:
        return at
    today = datetime.combine(at.date(), daily_at, UTC)
    return today if today <= at else today - timedelta(days=1)
