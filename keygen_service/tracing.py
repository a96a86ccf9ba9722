"""A span for each task and what it asks of Redis, where OTEL_EXPORTER_OTLP_ENDPOINT is set; else nothing is imported.

Spans hold no keys: Redis' commands have placeholders where values were, and of an error only its kind leaves.
"""

import logging
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from celery.signals import celeryd_init, worker_shutdown
from dotenv import dotenv_values

from keygen_service.settings import find_env_file

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger(__name__)

SERVICE = "slipbin-keygen"
LAST_SECONDS = 1.0
"""How long the end of the worker waits for the collector."""
EVERY_SECONDS = 60.0
"""How often OpenTelemetry's own failures are logged, at most."""

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_providers: "list[TracerProvider]" = []


def is_wanted() -> bool:
    """Whether the environment asks for traces."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    is_elsewhere = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    return not is_off and not is_elsewhere and any(os.environ.get(name, "").strip() for name in _ENDPOINTS)


def trace_worker() -> None:
    """Trace this process if it becomes a worker. A beat has nothing to tell: a run begins in its worker."""
    celeryd_init.connect(_start, weak=False)
    worker_shutdown.connect(_stop, weak=False)


def _start(**_: Any) -> None:
    _read_env_file()
    if not is_wanted() or _providers:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.instrumentation.celery import CeleryInstrumentor
    from opentelemetry.instrumentation.redis import RedisInstrumentor
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from keygen_service.safe_spans import PartsOnly, SafeExporter

    theirs = logging.getLogger("opentelemetry")
    theirs.propagate = False
    theirs.handlers = [_OncePerMinute(logging.WARNING)]
    resource = Resource.create({"process.pid": os.getpid()})
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: SERVICE}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.sampler = PartsOnly(provider.sampler)
    provider.add_span_processor(BatchSpanProcessor(SafeExporter(OTLPSpanExporter())))
    RedisInstrumentor().instrument(tracer_provider=provider)
    CeleryInstrumentor().instrument(tracer_provider=provider)  # type: ignore[no-untyped-call]
    _providers.append(provider)


def _stop(**_: Any) -> None:
    """Send what is left, for `LAST_SECONDS` at most: the exporter itself may wait for 10 s."""
    for provider in _providers:
        sending = threading.Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(LAST_SECONDS)


def _read_env_file() -> None:
    """Take OpenTelemetry's variables from the file .env too; an empty one counts as not set."""
    path = find_env_file()
    values = {} if path is None else dotenv_values(path)
    for name, value in values.items():
        if name.startswith("OTEL_") and value:
            os.environ.setdefault(name, value)
    for name, value in list(os.environ.items()):
        if name.startswith("OTEL_") and not value.strip():
            del os.environ[name]


class _OncePerMinute(logging.Handler):
    """Passes on the first message, and then one each minute."""

    next_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() >= self.next_at:
            self.next_at = time.monotonic() + EVERY_SECONDS
            logger.log(record.levelno, "Sending traces fails: %s", " ".join(record.getMessage().split())[:300])
