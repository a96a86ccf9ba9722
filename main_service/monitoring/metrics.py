"""The metrics for Prometheus, and their text: of this process, or of all processes that share a folder."""

import os
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from main_service.monitoring.descriptors import descriptors_of
from main_service.monitoring.metrics_files import find_folder, purge_gauges, running_pids

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_registry = CollectorRegistry()

MISSES = Counter(
    "slipbin_address_misses",
    "Requests for an entry that never existed (404, or 429 over the limit) or has ended (410).",
    ["status"],
    registry=_registry,
)
VISITS_RECORDED = Counter("slipbin_visits_recorded", "Visits written to Redis.", registry=_registry)
VISITS_DROPPED = Counter(
    "slipbin_visits_dropped", "Visits lost because Redis was down and too many were waiting.", registry=_registry
)
VISITS_WAITING = Gauge(
    "slipbin_visits_waiting",
    "Visits waiting in web processes because Redis is down.",
    multiprocess_mode="livesum",
    registry=_registry,
)
CONNECTIONS = Gauge(
    "slipbin_connections",
    "Open client connections.",
    multiprocess_mode="livesum",
    registry=_registry,
)
KEYS_DRAWN = Counter(
    "slipbin_keys_drawn", "Keys that web processes generated because the pool was empty.", registry=_registry
)
for _status in ("404", "410", "429"):
    # Exported as 0 before the first event, so that Prometheus sees the increase.
    MISSES.labels(_status)


class _Descriptors(Collector):
    """Open files and sockets, counted when metrics are read. `pids`: gives the ids of the web processes."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids = pids

    def collect(self) -> Iterable[Metric]:
        counted = [each for pid in self._pids if (each := descriptors_of(pid)) is not None]
        if not counted:
            return
        used, allowed = max(counted, key=lambda each: each[0] / each[1])
        which = "by the web process that is nearest to its limit."
        yield GaugeMetricFamily("slipbin_descriptors_used", f"Files and sockets that are open, {which}", used)
        yield GaugeMetricFamily("slipbin_descriptors_allowed", f"As many may be, {which}", allowed)


def exposition() -> bytes:
    """All metrics in Prometheus' text format. Reads a small file or two of each process, so call it in a thread."""
    folder = find_folder()
    if folder is None:
        return generate_latest(_registry) + _descriptors_of([os.getpid()])
    purge_gauges(folder)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(registry) + _descriptors_of(running_pids(folder))


def _descriptors_of(pids: Sequence[int]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Descriptors(pids))
    return generate_latest(registry)
