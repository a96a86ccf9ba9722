"""The metrics as text in Prometheus' format: of this process, or of all processes that share a folder."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from main_service.monitoring import asked
from main_service.monitoring.descriptors import descriptors_of
from main_service.monitoring.metrics import registry
from main_service.monitoring.metrics_files import find_folder, purge_gauges, running_pids

MEDIA_TYPE = CONTENT_TYPE_PLAIN_0_0_4


class _Together(Collector):
    """Several collectors as one: a metric that two of them have stands once."""

    def __init__(self, collectors: Sequence[Collector]) -> None:
        self._collectors = collectors

    def collect(self) -> Iterable[Metric]:
        metrics: dict[str, Metric] = {}
        for collector in self._collectors:
            for metric in collector.collect():
                metrics.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                metrics[metric.name].samples += metric.samples
        return metrics.values()


def exposition() -> bytes:
    """All metrics in Prometheus' text format. Reads a small file or two of each process, so call it in a thread."""
    folder = find_folder()
    if folder is None:
        return _text([registry, _descriptors([os.getpid()])])
    purge_gauges(folder)
    return _text([_shared(folder), _descriptors(running_pids(folder))])


def _text(collectors: Sequence[Collector]) -> bytes:
    together = CollectorRegistry()
    together.register(_Together(collectors))
    return generate_latest(together)


def _shared(folder: Path) -> Collector:
    return MultiProcessCollector(None, path=str(folder))  # type: ignore[no-untyped-call]


def _descriptors(pids: Sequence[int]) -> Collector:
    """Open files and sockets of the process that is nearest to its limit. `pids`: of the web processes."""
    answers = asked.Answers()
    counted = [each for pid in pids if (each := descriptors_of(pid)) is not None]
    if counted:
        used, allowed = max(counted, key=lambda each: each[0] / each[1])
        answers.add(asked.DESCRIPTORS_USED, used)
        answers.add(asked.DESCRIPTORS_ALLOWED, allowed)
    return answers
