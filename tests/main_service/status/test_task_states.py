"""When a task counts as overdue."""

from datetime import UTC, datetime, timedelta

import pytest

from main_service.status.task_states import TaskState
from main_service.task_runs import Outcome, TaskRun

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("every", "due", "ran", "now", "is_overdue"),
    [
        (timedelta(seconds=10), NOON, None, NOON, True),
        (timedelta(seconds=10), NOON, NOON, NOON + timedelta(seconds=59), False),
        (timedelta(seconds=10), NOON, NOON, NOON + timedelta(seconds=61), True),
        (timedelta(minutes=15), NOON, None, NOON, False),
        (timedelta(minutes=15), NOON, NOON, NOON + timedelta(minutes=44), False),
        (timedelta(minutes=15), NOON, NOON, NOON + timedelta(minutes=46), True),
        # Each day at noon.
        (None, NOON, None, NOON + timedelta(hours=20), False),
        (None, NOON, NOON - timedelta(days=1), NOON + timedelta(hours=1), False),
        (None, NOON, NOON - timedelta(days=1), NOON + timedelta(hours=3), True),
        (None, NOON, NOON + timedelta(seconds=1), NOON + timedelta(hours=20), False),
    ],
)
def test_task_is_overdue_when_it_should_have_run(
    every: timedelta | None, due: datetime, ran: datetime | None, now: datetime, is_overdue: bool
) -> None:
    at = None if ran is None else ran.timestamp()
    run = None if at is None else TaskRun(began_at=at, ended_at=at, outcome=Outcome.DONE)

    state = TaskState("a", "main_service", every, due, run, now.timestamp())

    assert state.is_overdue == is_overdue
