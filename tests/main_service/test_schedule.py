"""When tasks are sent: a real beat, started again after it was away."""

import json
import shelve
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from celery import Celery
from celery import __version__ as celery_version
from celery.beat import ScheduleEntry

from tests.support.engines import START_SECONDS, Environment
from tests.support.waiting import eventually
from tests.support.workers import main_beat

DAILY = {"forget_visit_batches", "keep_partitions", "forget_mail", "archive_unused", "delete_unconfirmed", "clean_up"}


@pytest.fixture
def broker(environment: Environment) -> Iterator[redis.Redis]:
    """A broker that no worker listens to."""
    with redis.Redis.from_url(environment["MAIN_REDIS_URL"].replace("db=0", "db=7")) as connection:
        yield connection
        connection.flushdb()


def sent(broker: redis.Redis, queue: str) -> dict[str, float]:
    """Seconds until it expires, of each task that waits."""
    messages = [json.loads(message) for message in broker.lrange(queue, 0, -1)]
    headers = [message["headers"] for message in messages]
    return {header["task"].removeprefix("main_service."): header["expires"] for header in headers}


def test_daily_tasks_that_were_missed_are_sent_at_the_start_and_not_before(
    environment: Environment, broker: redis.Redis, tmp_path: Path
) -> None:
    lonely = environment | {"MAIN_BROKER_URL": environment["MAIN_BROKER_URL"].replace("host=1", "host=7")}
    with main_beat(lonely, tmp_path) as beat:
        eventually(lambda: "heal_copies" in sent(broker, "main_service"), "a task that is due often")
        beat.process.send_signal(signal.SIGTERM)
        beat.process.wait(START_SECONDS)
    assert not DAILY & sent(broker, "main_service.slow").keys(), "nothing was missed yet"

    with shelve.open(str(tmp_path / "schedule"), writeback=True) as file:
        for name in DAILY:
            file["entries"][name].last_run_at -= timedelta(days=1)
    with main_beat(lonely, tmp_path):
        eventually(lambda: sent(broker, "main_service.slow").keys() >= DAILY, "all daily tasks")
    assert not DAILY & sent(broker, "main_service").keys()


def test_clock_that_was_set_back_by_an_hour_holds_nothing_up(
    environment: Environment, broker: redis.Redis, tmp_path: Path
) -> None:
    lonely = environment | {"MAIN_BROKER_URL": environment["MAIN_BROKER_URL"].replace("host=1", "host=7")}
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    often = {
        name: ScheduleEntry(name, f"main_service.{name}", in_an_hour, schedule=timedelta(seconds=10), app=Celery())
        for name in ("heal_copies", "ingest_visits", "send_mail")
    }
    with shelve.open(str(tmp_path / "schedule")) as file:
        file.update({"entries": often, "tz": "UTC", "utc_enabled": True, "__version__": celery_version})

    with main_beat(lonely, tmp_path):
        eventually(lambda: sent(broker, "main_service").keys() >= often.keys(), "tasks that ran later than it is now")
