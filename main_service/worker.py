"""The Celery app of main_service: collects the tasks of all features, with their schedule and queues.

Each task says beside itself when it runs: `cleanup/tasks.py` ends hourly what has expired, `admin_jobs/tasks.py` cleans
all up daily, `visits/tasks.py` brings visits to PostgreSQL, and so on. `background.task` is the decorator.
"""

import logging
import os
import sys
import warnings
from typing import Any, Self

from celery import Celery
from celery.app.amqp import AMQP
from celery.apps import worker as celery_worker
from celery.signals import beat_init, celeryd_init, setup_logging, worker_init, worker_shutdown
from kombu import Connection

from main_service.monitoring.metrics_files import join_as_worker

ROLE = join_as_worker(sys.argv)

# What they import counts, so the files for that must be there.
from main_service import background  # noqa: E402
from main_service.monitoring import tracing  # noqa: E402
from main_service.monitoring.logs import start_logs, write_line  # noqa: E402
from main_service.monitoring.publishing import publish  # noqa: E402
from main_service.settings import load_settings, load_settings_or_exit, log_warnings  # noqa: E402

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 2
"""Together with `REPLAY_EVERY` and the work itself, this is less than the 10 s in which Redis learns of a change."""


class _SteadyConnection(Connection):
    """Tries again at a steady pace, however long the broker has been away; Celery's own pauses grow to 30 s."""

    def ensure_connection(self, *args: Any, **kwargs: Any) -> Self:
        pace = {"interval_start": RECONNECT_SECONDS, "interval_step": 0, "interval_max": RECONNECT_SECONDS}
        super().ensure_connection(*args, **{**pace, **kwargs})
        return self


class _Amqp(AMQP):
    Connection = _SteadyConnection


background.import_tasks()

app = Celery("main_service", amqp=_Amqp)
app.conf.update(
    broker_url=load_settings_or_exit(logs_warnings=False).broker_url,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_default_queue=background.Queue.QUICK.value,
    task_routes=background.routes(),
    task_ignore_result=True,
    # A task whose worker is killed is done again: every task can be repeated.
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    timezone="UTC",
    beat_schedule=background.schedule(),
    beat_scheduler="main_service.beat:SteadyScheduler",
)


@worker_init.connect
@beat_init.connect
def publish_metrics(**_: Any) -> None:
    """Count from the start of a worker or beat; other commands of Celery's count nothing."""
    settings = load_settings()
    if ROLE is not None:
        publish(ROLE, host=settings.metrics_host, port=settings.metrics_port)


@worker_init.connect
def tell_of_tasks(**_: Any) -> None:
    """Export each task before its first run, so that Prometheus sees the increase."""
    background.export_tasks()


@setup_logging.connect
def begin_log(**_: Any) -> None:
    """Write our log in place of Celery's, which would show tasks' arguments. Sent by workers and by beat."""
    start_logs(ROLE or "celery")
    warn_of_root()
    log_warnings(load_settings())


def warn_of_root() -> None:
    """What Celery says of it comes before there is a log. The launcher says itself what runs as root, and why."""
    if os.geteuid() == 0 and not os.environ.get("SLIPBIN_LAUNCHER"):
        logger.warning("This process runs as root: give it a user of its own")


def say(message: str, _file: object = None) -> None:
    """Log what Celery would print, such as that it shuts down."""
    write_line("celery.apps.worker", message.strip())


celery_worker.safe_say = say  # type: ignore[attr-defined]
warnings.filterwarnings("ignore", message="You're running the worker with superuser")


@celeryd_init.connect
def start_tracing(options: dict[str, Any], **_: Any) -> None:
    """Trace the tasks of a worker. A beat is not traced: each round begins in its worker."""
    queues = options.get("queues") or [background.Queue.QUICK.value]
    pipeline = tracing.start("slipbin-worker" if background.Queue.QUICK.value in queues else "slipbin-slow")
    if pipeline is not None:
        from opentelemetry.instrumentation.celery import CeleryInstrumentor

        CeleryInstrumentor().instrument(  # type: ignore[no-untyped-call]
            tracer_provider=pipeline.provider
        )


@worker_shutdown.connect
def stop_tracing(**_: Any) -> None:
    """Send the last spans."""
    tracing.stop()
