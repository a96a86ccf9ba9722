"""The Celery app of main_service and its schedule."""

import logging
from datetime import timedelta
from typing import Any, Self

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection

from main_service.settings import load_settings

HEAL_EVERY = timedelta(seconds=5)
SEND_MAIL_EVERY = timedelta(seconds=10)
RECONNECT_SECONDS = 2
"""Together with `HEAL_EVERY` and the work itself less than the 10 s in which Redis learns of a change."""
FINISH_LEAVING_EVERY = timedelta(seconds=10)
DELETE_BODIES_EVERY = timedelta(minutes=1)
END_EXPIRED_EVERY = timedelta(hours=1)
CLEAN_UP_EVERY = timedelta(days=1)
FORGET_MAIL_EVERY = timedelta(days=1)
ARCHIVE_UNUSED_EVERY = timedelta(days=1)
DO_ASKED_WORK_EVERY = timedelta(seconds=10)
INGEST_VISITS_EVERY = timedelta(seconds=10)
KEEP_PARTITIONS_EVERY = timedelta(days=1)
FORGET_VISIT_BATCHES_EVERY = timedelta(days=1)
RANK_ENTRIES_EVERY = timedelta(minutes=1)


class _SteadyConnection(Connection):
    """Tries again at a steady pace, however long the broker has been away; Celery's own pauses grow to 30 s."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Self:
        pace = {"interval_start": RECONNECT_SECONDS, "interval_step": 0, "interval_max": RECONNECT_SECONDS}
        super().ensure_connection(*args, **{**pace, **kwargs})
        return self


class _Amqp(AMQP):
    Connection = _SteadyConnection


app = Celery(
    "main_service",
    amqp=_Amqp,
    include=[
        "main_service.entries.tasks",
        "main_service.profile.tasks",
        "main_service.visits.tasks",
        "main_service.cleanup.tasks",
        "main_service.mailing.tasks",
        "main_service.visits.leaderboard_tasks",
    ],
)
app.conf.update(
    broker_url=load_settings().broker_url,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_default_queue="main_service",
    task_ignore_result=True,
    # A task whose worker is killed is done again: every task can be repeated.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    timezone="UTC",
    # A round that nobody took is worthless once the next one is due.
    beat_schedule={
        "heal_copies": {
            "task": "main_service.heal_copies",
            "schedule": HEAL_EVERY,
            "options": {"expires": HEAL_EVERY.total_seconds()},
        },
        "send_mail": {
            "task": "main_service.send_mail",
            "schedule": SEND_MAIL_EVERY,
            "options": {"expires": SEND_MAIL_EVERY.total_seconds()},
        },
        "finish_leaving": {
            "task": "main_service.finish_leaving",
            "schedule": FINISH_LEAVING_EVERY,
            "options": {"expires": FINISH_LEAVING_EVERY.total_seconds()},
        },
        "delete_bodies": {
            "task": "main_service.delete_bodies",
            "schedule": DELETE_BODIES_EVERY,
            "options": {"expires": DELETE_BODIES_EVERY.total_seconds()},
        },
        "end_expired": {
            "task": "main_service.end_expired",
            "schedule": END_EXPIRED_EVERY,
            "options": {"expires": END_EXPIRED_EVERY.total_seconds()},
        },
        "clean_up": {
            "task": "main_service.clean_up",
            "schedule": CLEAN_UP_EVERY,
            "options": {"expires": CLEAN_UP_EVERY.total_seconds()},
        },
        "forget_mail": {
            "task": "main_service.forget_mail",
            "schedule": FORGET_MAIL_EVERY,
            "options": {"expires": FORGET_MAIL_EVERY.total_seconds()},
        },
        "archive_unused": {
            "task": "main_service.archive_unused",
            "schedule": ARCHIVE_UNUSED_EVERY,
            "options": {"expires": ARCHIVE_UNUSED_EVERY.total_seconds()},
        },
        "do_asked_work": {
            "task": "main_service.do_asked_work",
            "schedule": DO_ASKED_WORK_EVERY,
            "options": {"expires": DO_ASKED_WORK_EVERY.total_seconds()},
        },
        "ingest_visits": {
            "task": "main_service.ingest_visits",
            "schedule": INGEST_VISITS_EVERY,
            "options": {"expires": INGEST_VISITS_EVERY.total_seconds()},
        },
        "keep_partitions": {
            "task": "main_service.keep_partitions",
            "schedule": KEEP_PARTITIONS_EVERY,
            "options": {"expires": KEEP_PARTITIONS_EVERY.total_seconds()},
        },
        "forget_visit_batches": {
            "task": "main_service.forget_visit_batches",
            "schedule": FORGET_VISIT_BATCHES_EVERY,
            "options": {"expires": FORGET_VISIT_BATCHES_EVERY.total_seconds()},
        },
        "rank_entries": {
            "task": "main_service.rank_entries",
            "schedule": RANK_ENTRIES_EVERY,
            "options": {"expires": RANK_ENTRIES_EVERY.total_seconds()},
        },
    },
)
# The tasks say what they did; Celery's own two lines for every round would bury that.
logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)
