"""What leaves the process of a span: its name and the attributes listed here, and of an error only its kind.

Errors quote what users wrote, and new releases of instrumentations may add attributes, so this is an allowlist.
"""

import re
from collections.abc import Mapping, Sequence

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, Status
from opentelemetry.util.types import AttributeValue

from main_service.monitoring.deferred_spans import DeferredSpan
from main_service.monitoring.request_spans import RequestSpan

LONGEST = 2_000
"""Characters of a value; an INSERT of many rows has a long text."""

ALLOWED = frozenset(
    [
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "error.type",
        "slipbin.batch.size",
        # SQLAlchemy and Redis. Their statements have placeholders where values were.
        "db.system",
        "db.system.name",
        "db.name",
        "db.namespace",
        "db.operation",
        "db.operation.name",
        "db.statement",
        "db.query.text",
        "db.redis.database_index",
        "db.redis.args_length",
        "db.redis.pipeline_length",
        "net.peer.name",
        "net.peer.port",
        "net.transport",
        "network.transport",
        "server.address",
        "server.port",
        # Celery.
        "celery.action",
        "celery.state",
        "celery.task_name",
        "celery.hostname",
        "messaging.destination",
        "messaging.destination.name",
        "messaging.message.id",
        "messaging.message_id",
    ]
)

_KIND_OF_ERROR = re.compile(r"(?:<class '([\w.]+)'>|(\w+(?:Error|Exception))):")
"""How the text of an error of SQLAlchemy's drivers begins."""


class SafeExporter(SpanExporter):
    """Hands spans to an exporter, reduced to what may leave. It runs in the exporting thread.

    Spans of requests hold nothing else to begin with.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans; if that fails, they are lost, and `trace_failures` tells."""
        return self._exporter.export(
            [span if isinstance(span, RequestSpan | DeferredSpan) else _safe(span) for span in spans]
        )

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _safe(span: ReadableSpan) -> ReadableSpan:
    attributes = {name: _cut(value) for name, value in (span.attributes or {}).items() if name in ALLOWED}
    status = span.status
    if status.description is not None:
        kind = _KIND_OF_ERROR.match(status.description)
        if kind is not None:
            attributes.setdefault("error.type", kind[1] or kind[2])
        status = Status(status.status_code)
    return ReadableSpan(
        span.name[:LONGEST],
        span.context,
        span.parent,
        span.resource,
        attributes,
        events=[Event(each.name, _kind_only(each.attributes), each.timestamp) for each in span.events],
        links=[Link(each.context) for each in span.links],
        kind=span.kind,
        status=status,
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _kind_only(attributes: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {name: value for name, value in (attributes or {}).items() if name == "exception.type"}


def _cut(value: AttributeValue) -> AttributeValue:
    return value[:LONGEST] if isinstance(value, str) else value
