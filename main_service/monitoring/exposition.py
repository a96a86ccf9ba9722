"""The metrics as text in Prometheus' format: of this process, or of all processes that share a folder."""

import os
from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from main_service.monitoring import process_metrics
from main_service.monitoring.metrics import registry
from main_service.monitoring.metrics_files import Member, find_folder, tidied

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class _Together(Collector):
    """Several collectors as one: a metric that two of them have stands once."""

    def __init__(self, collectors: Sequence[Collector]) -> None:
        self._collectors = collectors

    def collect(self) -> Iterable[Metric]:
        metrics: dict[str, Metric] = {}
        for collector in self._collectors:
            for metric in collector.collect():
                together = metrics.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                together.samples += metric.samples
        return metrics.values()


def exposition(role: str, answers: Sequence[Collector] = ()) -> bytes:
    """All metrics in Prometheus' text format. Reads a few files of each process, so call it in a thread.

    `role`: of this process. `answers`: what was asked for this scrape.
    """
    folder = find_folder()
    if folder is None:
        return _text([registry, process_metrics.of_processes([Member(os.getpid(), role)]), *answers])
    with tidied(folder) as members:
        shared = MultiProcessCollector(None, path=str(folder))  # type: ignore[no-untyped-call]
        return _text([shared, process_metrics.of_processes(members), *answers])


def _text(collectors: Sequence[Collector]) -> bytes:
    together = CollectorRegistry()
    together.register(_Together(collectors))
    return generate_latest(together)
