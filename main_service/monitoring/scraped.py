"""The metrics that are read only when Prometheus scrapes: of the engines, the machine and this build."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

Values = Mapping[tuple[str, ...], float]
"""The values of a metric by its label values."""


@dataclass(frozen=True)
class ScrapedGauge:
    """A gauge whose values are known only at a scrape."""

    name: str
    help: str
    labels: tuple[str, ...] = ()

    def family(self, values: Values) -> Metric:
        """The metric as the library exports it."""
        family = GaugeMetricFamily(self.name, self.help, labels=self.labels)
        for labels, value in values.items():
            family.add_metric(labels, value)
        return family


@dataclass
class ScrapedValues(Collector):
    """The values read at a scrape. A metric without any value is left out."""

    _values: dict[ScrapedGauge, dict[tuple[str, ...], float]] = field(default_factory=dict)

    def add(self, metric: ScrapedGauge, value: float, *labels: str) -> None:
        """Set the value of a metric for these label values."""
        self._values.setdefault(metric, {})[labels] = value

    def value(self, metric: ScrapedGauge, *labels: str) -> float | None:
        """The value of a metric for these label values; None: it is not known."""
        return self._values.get(metric, {}).get(labels)

    def labels(self, metric: ScrapedGauge) -> Sequence[tuple[str, ...]]:
        """The label values for which a metric has a value."""
        return list(self._values.get(metric, ()))

    def so_far(self) -> "ScrapedValues":
        """A copy, to which answers that come later are not added."""
        return ScrapedValues({metric: dict(values) for metric, values in self._values.items()})

    def collect(self) -> Iterable[Metric]:
        return [metric.family(values) for metric, values in self._values.items()]


PART_UP = ScrapedGauge("slipbin_part_up", "Whether a part (database, redis, text_store) answers: 1 or 0.", ("part",))
PART_CHECK = ScrapedGauge("slipbin_part_check_seconds", "How long a part took to answer at this scrape.", ("part",))
POOL_KEYS = ScrapedGauge("slipbin_pool_keys", "Ready keys in a pool: link or paste.", ("kind",))
POOL_CAPACITY = ScrapedGauge(
    "slipbin_pool_capacity", "Ready keys that a pool is filled up to, at the last run.", ("kind",)
)
FILTER_COMPLETE = ScrapedGauge(
    "slipbin_key_filter_complete", "Whether the membership filter is complete: 1 or 0. If not, PostgreSQL is asked."
)
FILTER_FILL = ScrapedGauge(
    "slipbin_key_filter_fill_ratio", "Keys in the membership filter by those it is made for; it grows at 1."
)
STREAM_LENGTH = ScrapedGauge("slipbin_visit_stream_length", "Records in the stream of visits; each holds many visits.")
STREAM_AGE = ScrapedGauge(
    "slipbin_visit_stream_oldest_age_seconds", "Age of the oldest record in the stream; 0 if empty."
)
DEAD_LETTERS = ScrapedGauge("slipbin_visit_dead_letters", "Records of visits that could not be read or stored.")
QUEUE_LENGTH = ScrapedGauge("slipbin_queue_length", "Messages that wait in a queue of Celery's in Redis.", ("queue",))
TASK_LAST_SUCCESS = ScrapedGauge(
    "slipbin_task_last_success_timestamp_seconds",
    "When a run of the task last did its work, as noted in Redis.",
    ("task",),
)
EMAILS = ScrapedGauge(
    "slipbin_emails", "Emails in the outbox: waiting, or failed (given up) in the last 30 days.", ("state",)
)
STALE_KEYS = ScrapedGauge("slipbin_stale_keys", "Changes of entries that the cache may not have yet.")
TEXTS_DUE = ScrapedGauge("slipbin_texts_due", "Texts that are due to be deleted from the text store.")
CERTIFICATE = ScrapedGauge(
    "slipbin_certificate_expiry_timestamp_seconds", "When the certificate served at MAIN_TLS_ADDRESS ends."
)
DISK_FREE = ScrapedGauge(
    "slipbin_disk_free_bytes",
    "Free for us on the disk of a place: root, temporary, and texts and emails if they are folders.",
    ("place",),
)
DISK_SIZE = ScrapedGauge("slipbin_disk_size_bytes", "Size of the disk of a place.", ("place",))
DISK_FILES_FREE = ScrapedGauge(
    "slipbin_disk_free_files",
    "How many more files the disk of a place can hold. Missing where it has no limit.",
    ("place",),
)
DISK_FILES = ScrapedGauge("slipbin_disk_files", "Files that the disk of a place can hold in all.", ("place",))
SCHEMA = ScrapedGauge(
    "slipbin_schema_info",
    "The migration that the database has, and the one that this build needs.",
    ("revision", "expected"),
)
BUILD = ScrapedGauge("slipbin_build_info", "The version of Slipbin and of Python.", ("version", "python"))
PROCESSES = ScrapedGauge("slipbin_processes", "Running processes of a role.", ("role",))
PROCESS_MEMORY = ScrapedGauge(
    "slipbin_process_resident_memory_bytes", "Memory that processes of a role take, together.", ("role",)
)
PROCESS_FILES = ScrapedGauge(
    "slipbin_process_open_fds", "Files and sockets that processes of a role have open.", ("role",)
)
PROCESS_START = ScrapedGauge(
    "slipbin_process_start_time_seconds", "When the newest process of a role started.", ("role",)
)
DESCRIPTORS_USED = ScrapedGauge(
    "slipbin_descriptors_used", "Files and sockets that are open, by the web process that is nearest to its limit."
)
DESCRIPTORS_ALLOWED = ScrapedGauge(
    "slipbin_descriptors_allowed", "As many may be, by the web process that is nearest to its limit."
)

ALL: Sequence[ScrapedGauge] = [each for each in list(globals().values()) if isinstance(each, ScrapedGauge)]
