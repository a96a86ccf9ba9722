"""The metrics of a worker or beat: its processor time, counted by a thread, and all of them on a port of their own."""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from keygen_service.metrics import PROCESS_CPU, registry
from keygen_service.metrics_files import find_folder

logger = logging.getLogger(__name__)

COUNT_SECONDS = 1.0
RETRY_SECONDS = 5.0


def publish(role: str, *, host: str, port: int | None) -> None:
    """Count until the process ends, and serve the metrics if there is a `port`. Call it once."""
    threading.Thread(target=_count_processor_time, args=(role,), name="metrics", daemon=True).start()
    if port is not None:
        threading.Thread(target=_listen, args=(role, host, port), name="metrics port", daemon=True).start()


def _count_processor_time(role: str) -> None:
    told = 0.0
    while True:
        used = time.process_time()
        PROCESS_CPU.labels(role).inc(used - told)
        told = used
        time.sleep(COUNT_SECONDS)


class _Process(Collector):
    """The processor time of this process, under the metric of main_service for all processes that share a folder."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._process = ProcessCollector(namespace="slipbin", registry=None)

    def collect(self) -> Iterator[Metric]:
        for metric in self._process.collect():
            if metric.name.endswith(("_resident_memory_bytes", "_open_fds", "_start_time_seconds")):
                family = GaugeMetricFamily(metric.name, metric.documentation, labels=["role"])
                family.add_metric([self._role], metric.samples[0].value)
                yield family


def _listen(role: str, host: str, port: int) -> None:
    shown = registry
    if (folder := find_folder()) is not None:
        # One of the processes that share the folder listens; the lock is kept until it ends.
        fcntl.flock(os.open(folder / f"port_{port}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600), fcntl.LOCK_EX)
        shown = CollectorRegistry()
        MultiProcessCollector(shown, path=str(folder))  # type: ignore[no-untyped-call]
    else:
        shown.register(_Process(role))
    is_told = False
    while True:
        try:
            start_http_server(port, addr=host, registry=shown)
        except OSError as error:
            if not is_told:
                logger.error("Metrics can't be served at %s port %d: %s", host, port, error.strerror)
            is_told = True
            time.sleep(RETRY_SECONDS)
        else:
            return
