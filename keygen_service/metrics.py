"""The metrics of keygen_service. Those of tasks and queues are named as main_service names its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from redis import RedisError

registry = CollectorRegistry()
# Otherwise a process that shares no folder exports when each counter was created, and those that share one don't.
disable_created_metrics()  # type: ignore[no-untyped-call]

POOL_KEYS_ADDED = Counter(
    "slipbin_pool_keys_added", "Keys added to a pool by keygen_service.", ["kind"], registry=registry
)
QUEUE_LENGTH = Gauge(
    "slipbin_queue_length",
    "Messages that wait in a queue of Celery's in Redis.",
    ["queue"],
    multiprocess_mode="livemax",
    registry=registry,
)
TASK_RUNS = Counter(
    "slipbin_task_runs",
    "Runs of a task: success, failure (a bug), put_off (a part was away), skipped (the run before was still going).",
    ["task", "outcome"],
    registry=registry,
)
TASK_DURATION = Histogram(
    "slipbin_task_duration_seconds",
    "Time that a run of a task took.",
    ["task"],
    buckets=(0.1, 0.5, 2, 10, 60, 300),
    registry=registry,
)
TASK_INTERVAL = Gauge(
    "slipbin_task_interval_seconds",
    "How often the task should run.",
    ["task"],
    multiprocess_mode="livemax",
    registry=registry,
)
PROCESS_CPU = Counter(
    "slipbin_process_cpu_seconds", "Processor time used by processes of a role.", ["role"], registry=registry
)


@contextmanager
def counted_run(task: str) -> Iterator[None]:
    """Count and time a run of the task: the block."""
    began_at = time.perf_counter()
    outcome = "failure"
    try:
        yield
        outcome = "success"
    except RedisError:
        outcome = "put_off"
        raise
    finally:
        TASK_RUNS.labels(task, outcome).inc()
        TASK_DURATION.labels(task).observe(time.perf_counter() - began_at)


def export_task(task: str, *, every_seconds: float) -> None:
    """Export the metrics of a task before it has run."""
    TASK_INTERVAL.labels(task).set(every_seconds)
    TASK_DURATION.labels(task)
    for outcome in ("success", "failure", "put_off"):
        TASK_RUNS.labels(task, outcome)
