"""How a function becomes a background task, and which tasks there are, when they run and on which queue."""

import json
from datetime import timedelta
from typing import Any

import pytest

from main_service import background
from main_service.background import Queue, task
from main_service.resources import Resources
from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full

MINUTE, HOUR, DAY = 60, 3_600, 86_400
QUICK, SLOW = "main_service", "main_service.slow"

TASKS: dict[str, tuple[int | str, str, int]] = {
    "heal_copies": (5, QUICK, 5),
    "send_mail": (10, QUICK, 10),
    "ingest_visits": (10, QUICK, 10),
    "do_asked_work": (10, SLOW, 10),
    "finish_leaving": (10, SLOW, 10),
    "build_report": (10, SLOW, 10),
    "rebuild_filter": (10, SLOW, 10),
    "run_imports": (10, SLOW, 10),
    "delete_bodies": (MINUTE, QUICK, MINUTE),
    "rank_entries": (MINUTE, QUICK, MINUTE),
    "send_daily_reports": (15 * MINUTE, SLOW, 15 * MINUTE),
    "end_expired": (HOUR, QUICK, HOUR),
    "forget_reports": (HOUR, SLOW, HOUR),
    "purge_imports": (HOUR, SLOW, HOUR),
    "forget_visit_batches": ("00:30", SLOW, DAY),
    "sum_up_visit_months": ("00:45", SLOW, DAY),
    "keep_partitions": ("01:00", SLOW, DAY),
    "forget_mail": ("01:30", SLOW, DAY),
    "archive_unused": ("02:00", SLOW, DAY),
    "delete_unconfirmed": ("02:30", SLOW, DAY),
    "clean_up": ("03:00", SLOW, DAY),
}
"""When each runs (every so many seconds, or at a time of UTC), on which queue, and when its message expires."""

SHOW_TASKS = """
import json
from celery.schedules import crontab
from main_service.worker import app

def when(schedule):
    if not isinstance(schedule, crontab):
        return schedule.total_seconds()
    (hour,), (minute,) = schedule.hour, schedule.minute
    assert len(schedule.day_of_week) == 7 and len(schedule.day_of_month) == 31 and len(schedule.month_of_year) == 12
    return f"{hour:02}:{minute:02}"

print(json.dumps({
    "ours": sorted(name for name in app.tasks if not name.startswith("celery.")),
    "schedule": {
        name: [
            when(each["schedule"]),
            app.amqp.router.route({}, each["task"])["queue"].name,
            each["options"].pop("expires"),
            each["task"],
            each["options"],
        ]
        for name, each in app.conf.beat_schedule.items()
    },
}))
"""


async def do_nothing(_: Resources) -> None:
    """Stands for a function of a feature's `tasks.py`."""


@pytest.fixture(autouse=True)
def in_a_module_of_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(do_nothing, "__module__", "main_service.feature.tasks")


def test_every_task_has_the_schedule_queue_and_expiry_that_it_should(environment: Environment) -> None:
    done = forking.run("-c", SHOW_TASKS, environment=full(environment), timeout=START_SECONDS)
    assert done.returncode == 0, done.stderr.decode()
    shown: dict[str, Any] = json.loads(done.stdout)

    assert shown["schedule"] == {
        name: [when, queue, expires, f"main_service.{name}", {}] for name, (when, queue, expires) in TASKS.items()
    }
    assert shown["ours"] == sorted(f"main_service.{name}" for name in TASKS)


@pytest.mark.parametrize("schedule", [{}, {"every": timedelta(minutes=1), "daily_at": "03:00"}])
def test_task_has_one_schedule(schedule: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a task has one schedule"):
        task(queue=Queue.SLOW, **schedule)


def test_task_has_a_queue() -> None:
    with pytest.raises(TypeError, match="queue"):
        task(daily_at="03:00")(do_nothing)  # type: ignore[call-arg]


def test_task_stands_where_the_worker_finds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(do_nothing, "__module__", "main_service.feature.service")
    with pytest.raises(ValueError, match=r"do_nothing must stand in a module named `tasks`"):
        task(daily_at="03:00", queue=Queue.SLOW)(do_nothing)


def test_two_tasks_can_not_have_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "scheduled_tasks", {"main_service.do_nothing": object()})
    with pytest.raises(ValueError, match=r"there are two tasks main_service\.do_nothing"):
        task(daily_at="03:00", queue=Queue.SLOW)(do_nothing)
