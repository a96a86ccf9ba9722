"""The last run of each task in Redis: what it tells, of a run that worked, was put off, failed or still runs."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest
import redis

from main_service import background
from main_service.background import Queue, task
from main_service.errors import DatabaseUnavailableError
from main_service.resources import Resources
from main_service.task_runs import LAST_RUNS, Outcome, TaskRun, read_runs
from tests.support.engines import Environment
from tests.support.settings import settings_of, task_resources
from tests.support.workers import run_task


@pytest.fixture
def runs_environment(environment: Environment) -> Environment:
    """A Redis database that no other test notes runs in."""
    own = environment | {"MAIN_REDIS_URL": environment["MAIN_REDIS_URL"].replace("db=0", "db=7")}
    with redis.Redis.from_url(own["MAIN_REDIS_URL"]) as valkey:
        valkey.delete(LAST_RUNS)
    return own


async def last_run(environment: Environment, name: str) -> TaskRun | None:
    async with task_resources(environment) as resources:
        return (await read_runs(resources.redis)).get(f"main_service.{name}")


async def run_failing(environment: Environment, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a task that raises `error`, as the worker runs it."""
    monkeypatch.setattr(background, "scheduled_tasks", {})
    executed: list[Callable[[], None]] = []
    monkeypatch.setattr(background, "shared_task", lambda **_: executed.append)
    monkeypatch.setattr(background, "load_settings", lambda: settings_of(environment))

    async def fail(_: Resources) -> None:
        raise error

    fail.__module__ = "main_service.feature.tasks"
    task(queue=Queue.QUICK, every=timedelta(seconds=10))(fail)
    with suppress(type(error)):
        await asyncio.to_thread(executed[0])


async def test_run_that_worked_is_noted_with_its_times(runs_environment: Environment) -> None:
    before = time.time()

    run_task("end_expired", environment=runs_environment)

    run = await last_run(runs_environment, "end_expired")
    assert run is not None
    assert (run.outcome, run.error, run.is_running) == (Outcome.DONE, None, False)
    assert run.began_at is not None
    assert run.ended_at is not None
    assert before <= run.began_at <= run.ended_at <= time.time()
    assert run.done_at == run.ended_at
    assert run.seconds is not None
    assert 0 <= run.seconds <= run.ended_at - before


@pytest.mark.parametrize(
    ("error", "outcome"), [(DatabaseUnavailableError(), Outcome.PUT_OFF), (ZeroDivisionError("secret"), Outcome.FAILED)]
)
async def test_run_that_failed_is_noted_by_its_error_and_keeps_when_it_last_worked(
    runs_environment: Environment, error: Exception, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with redis.Redis.from_url(runs_environment["MAIN_REDIS_URL"], decode_responses=True) as valkey:
        valkey.hset(LAST_RUNS, "main_service.fail:done", "1000.5")

        await run_failing(runs_environment, error, monkeypatch)

        assert "secret" not in str(valkey.hgetall(LAST_RUNS))
    run = await last_run(runs_environment, "fail")
    assert run is not None
    assert (run.outcome, run.error, run.done_at) == (outcome, type(error).__name__, 1000.5)


async def test_run_that_has_begun_and_not_ended_is_running(runs_environment: Environment) -> None:
    run_task("end_expired", environment=runs_environment)
    with redis.Redis.from_url(runs_environment["MAIN_REDIS_URL"]) as valkey:
        valkey.hset(LAST_RUNS, "main_service.end_expired:began", str(time.time() + 1))

    run = await last_run(runs_environment, "end_expired")

    assert run is not None
    assert run.is_running
    assert run.outcome is Outcome.DONE


def test_redis_that_is_away_is_no_failure_of_a_task(runs_environment: Environment) -> None:
    run_task("end_expired", environment=runs_environment | {"MAIN_REDIS_URL": "unix:///nowhere/valkey.sock"})
