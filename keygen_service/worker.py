"""The Celery app of keygen_service, with one task, which keeps the pools full."""

import logging
from typing import Any

from celery import Celery
from celery.signals import worker_ready

from keygen_service.pool import KeyPools, connect
from keygen_service.runs import noted_run
from keygen_service.settings import load_settings, load_settings_or_exit

logger = logging.getLogger(__name__)

TOP_UP = "keygen_service.top_up"
TOP_UP_SECONDS = 10

app = Celery("keygen_service")
app.conf.update(
    broker_url=load_settings_or_exit().broker_url,
    broker_connection_retry_on_startup=True,
    task_default_queue="keygen_service",
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    timezone="UTC",
    beat_schedule={
        "top_up": {
            "task": TOP_UP,
            "schedule": TOP_UP_SECONDS,
            # A run that no worker took is worthless once the next one is due.
            "options": {"expires": TOP_UP_SECONDS},
        }
    },
)
# The task itself says what it did; Celery's own two lines for every round would bury that.
logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)


@app.task(name=TOP_UP)
def top_up() -> None:
    """Fill the pools. Repeatable; a run beside another one does nothing."""
    settings = load_settings()
    with connect(settings.redis_url) as redis, noted_run(redis, TOP_UP, pool_size=settings.pool_size):
        added = KeyPools(redis, pool_size=settings.pool_size).top_up()
    if any(added.values()):
        logger.info("Added keys: %s", ", ".join(f"{count} to {name}" for name, count in added.items()))


@worker_ready.connect
def fill_at_start(**_: Any) -> None:
    """Fill the pools when the worker starts, so that a fresh installation need not wait for the first beat."""
    top_up.apply_async(expires=TOP_UP_SECONDS)
