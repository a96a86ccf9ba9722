"""The Celery app of main_service and its schedule."""

import logging
from datetime import timedelta
from typing import Any, Self

from celery import Celery
from celery.app.amqp import AMQP
from celery.schedules import crontab
from kombu import Connection

from main_service.settings import load_settings_or_exit

REPLAY_EVERY = timedelta(seconds=5)
RECONNECT_SECONDS = 2
"""Together with `REPLAY_EVERY` and the work itself less than the 10 s in which Redis learns of a change."""
QUICK = "main_service"
SLOW = "main_service.slow"
"""The queue of whatever may take minutes. Its worker is a process of its own, so what may not wait never does."""
SLOW_TASKS = (
    "do_asked_work",
    "finish_leaving",
    "clean_up",
    "archive_unused",
    "delete_unconfirmed",
    "keep_partitions",
    "forget_mail",
    "forget_visit_batches",
    "sum_up_visit_months",
    "rebuild_filter",
    "build_report",
    "send_daily_reports",
    "forget_reports",
)


class _SteadyConnection(Connection):
    """Tries again at a steady pace, however long the broker has been away; Celery's own pauses grow to 30 s."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Self:
        pace = {"interval_start": RECONNECT_SECONDS, "interval_step": 0, "interval_max": RECONNECT_SECONDS}
        super().ensure_connection(*args, **{**pace, **kwargs})
        return self


class _Amqp(AMQP):
    Connection = _SteadyConnection


def _every(period: timedelta, name: str) -> dict[str, Any]:
    return _round(name, period, expires=period)


def _daily(time: str, name: str) -> dict[str, Any]:
    """At this hour and minute of UTC. Beat sends one that it missed as soon as it runs again."""
    hour, _, minute = time.partition(":")
    return _round(name, crontab(hour=hour, minute=minute), expires=timedelta(days=1))


def _round(name: str, schedule: timedelta | crontab, *, expires: timedelta) -> dict[str, Any]:
    # A round that nobody took is worthless once the next one is due.
    options = {"expires": expires.total_seconds()}
    return {name: {"task": f"main_service.{name}", "schedule": schedule, "options": options}}


app = Celery(
    "main_service",
    amqp=_Amqp,
    include=[
        "main_service.entries.tasks",
        "main_service.account_deletion.tasks",
        "main_service.visits.tasks",
        "main_service.cleanup.tasks",
        "main_service.mail.tasks",
        "main_service.statistics.tasks",
        "main_service.reports.tasks",
        "main_service.admin_jobs.tasks",
    ],
)
app.conf.update(
    broker_url=load_settings_or_exit().broker_url,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_default_queue=QUICK,
    task_routes={f"main_service.{name}": {"queue": SLOW} for name in SLOW_TASKS},
    task_ignore_result=True,
    # A task whose worker is killed is done again: every task can be repeated.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    timezone="UTC",
    beat_schedule={
        **_every(REPLAY_EVERY, "heal_copies"),
        **_every(timedelta(seconds=10), "send_mail"),
        **_every(timedelta(seconds=10), "ingest_visits"),
        **_every(timedelta(seconds=10), "do_asked_work"),
        **_every(timedelta(seconds=10), "finish_leaving"),
        **_every(timedelta(seconds=10), "build_report"),
        **_every(timedelta(seconds=10), "rebuild_filter"),
        **_every(timedelta(minutes=1), "delete_bodies"),
        **_every(timedelta(minutes=1), "rank_entries"),
        # Often, as a round that finds nobody costs nothing, so that who was down at midnight is not late by hours.
        **_every(timedelta(minutes=15), "send_daily_reports"),
        **_every(timedelta(hours=1), "end_expired"),
        **_every(timedelta(hours=1), "forget_reports"),
        **_daily("00:30", "forget_visit_batches"),
        **_daily("00:45", "sum_up_visit_months"),
        **_daily("01:00", "keep_partitions"),
        **_daily("01:30", "forget_mail"),
        **_daily("02:00", "archive_unused"),
        **_daily("02:30", "delete_unconfirmed"),
        **_daily("03:00", "clean_up"),
    },
)
# The tasks say what they did; Celery's own two lines for every round would bury that.
logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)
