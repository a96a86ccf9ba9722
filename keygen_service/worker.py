"""The Celery app of keygen_service, with one task, which keeps the pools full."""

import logging
import math
import os
import sys
import warnings
from typing import Any

from celery import Celery
from celery.apps import worker as celery_worker
from celery.signals import beat_init, setup_logging, worker_init, worker_ready
from kombu.exceptions import KombuError

from keygen_service.metrics_files import join_as_worker

ROLE = join_as_worker(sys.argv)

# What they import counts, so the files for that must be there.
from keygen_service import metrics, tracing  # noqa: E402
from keygen_service.logs import start_logs, write_line  # noqa: E402
from keygen_service.pool import POOLS, KeyPools, connect  # noqa: E402
from keygen_service.publishing import publish  # noqa: E402
from keygen_service.runs import noted_run  # noqa: E402
from keygen_service.settings import load_settings, load_settings_or_exit, log_warnings  # noqa: E402

logger = logging.getLogger(__name__)

TOP_UP = "keygen_service.top_up"
TOP_UP_SECONDS = 10
QUEUE = "keygen_service"

app = Celery("keygen_service")
tracing.trace_worker()
app.conf.update(
    broker_url=load_settings_or_exit(logs_warnings=False).broker_url,
    broker_connection_retry_on_startup=True,
    task_default_queue=QUEUE,
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    timezone="UTC",
    beat_scheduler="keygen_service.beat:SteadyScheduler",
    beat_schedule={
        "top_up": {
            "task": TOP_UP,
            "schedule": TOP_UP_SECONDS,
            # A run that no worker took is worthless once the next one is due.
            "options": {"expires": TOP_UP_SECONDS},
        }
    },
)


@app.task(name=TOP_UP)
def top_up() -> None:
    """Fill the pools. Repeatable; a run beside another one does nothing."""
    settings = load_settings()
    with (
        metrics.counted_run(TOP_UP),
        connect(settings.redis_url) as redis,
        noted_run(redis, TOP_UP, pool_size=settings.pool_size),
    ):
        added = KeyPools(redis, pool_size=settings.pool_size).top_up()
    for name, count in added.items():
        metrics.POOL_KEYS_ADDED.labels(name.removeprefix("keys:")).inc(count)
    metrics.QUEUE_LENGTH.labels(QUEUE).set(_queue_length())
    if any(added.values()):
        logger.info("Added keys: %s", ", ".join(f"{count} to {name}" for name, count in added.items()))


def _queue_length() -> float:
    """How many messages wait; not a number if the broker does not tell."""
    try:
        with app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            return float(channel.queue_declare(QUEUE, durable=True).message_count)
    except (KombuError, OSError):
        return math.nan


@worker_init.connect
@beat_init.connect
def publish_metrics(**_: Any) -> None:
    """Count from the start of a worker or beat; other commands of Celery's count nothing."""
    settings = load_settings()
    if ROLE is not None:
        publish(ROLE, host=settings.metrics_host, port=settings.metrics_port)


def warn_of_root() -> None:
    """What Celery says of it comes before there is a log. The launcher says itself what runs as root, and why."""
    if os.geteuid() == 0 and not os.environ.get("SLIPBIN_LAUNCHER"):
        logger.warning("This process runs as root: give it a user of its own")


def say(message: str, _file: object = None) -> None:
    """Log what Celery would print, such as that it shuts down."""
    write_line("celery.apps.worker", message.strip())


celery_worker.safe_say = say  # type: ignore[attr-defined]
warnings.filterwarnings("ignore", message="You're running the worker with superuser")


@worker_init.connect
def tell_of_task(**_: Any) -> None:
    """Export the metrics of the task before its first run, so that Prometheus sees the first increase."""
    metrics.export_task(TOP_UP, every_seconds=TOP_UP_SECONDS)
    for pool in POOLS:
        metrics.POOL_KEYS_ADDED.labels(pool.name.removeprefix("keys:"))


@worker_ready.connect
def fill_at_start(**_: Any) -> None:
    """Fill the pools when the worker starts, so that a fresh installation need not wait for the first beat."""
    top_up.apply_async(expires=TOP_UP_SECONDS)


@setup_logging.connect
def begin_log(**_: Any) -> None:
    """Write our log in place of Celery's. Sent by workers and by beat."""
    start_logs(ROLE or "celery")
    warn_of_root()
    log_warnings(load_settings())
