"""Which spans there are, and what leaves the process of them: of errors, which may quote values, only their kind."""

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, Status, TraceState
from opentelemetry.util.types import Attributes

LONGEST = 200
"""Characters of a value: a command that adds a thousand keys has as many placeholders."""
ALLOWED = frozenset(
    [
        *("db.system", "db.statement", "db.redis.database_index", "db.redis.args_length", "db.redis.pipeline_length"),
        *("net.peer.name", "net.peer.port", "net.transport", "error.type"),
        *("celery.action", "celery.state", "celery.task_name", "celery.hostname"),
        *("messaging.destination", "messaging.message.id"),
    ]
)


class SafeExporter(SpanExporter):
    """Hands spans to an exporter without what must not leave. It runs in the exporting thread."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans; if that fails, they are lost."""
        return self._exporter.export([_safe(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _safe(span: ReadableSpan) -> ReadableSpan:
    allowed = {name: value for name, value in (span.attributes or {}).items() if name in ALLOWED}
    return ReadableSpan(
        span.name[:LONGEST],
        span.context,
        span.parent,
        span.resource,
        {name: value[:LONGEST] if isinstance(value, str) else value for name, value in allowed.items()},
        events=[
            Event(each.name, {"exception.type": (each.attributes or {}).get("exception.type", "")}, each.timestamp)
            for each in span.events
        ],
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


_BEGINNERS = (SpanKind.SERVER, SpanKind.CONSUMER, SpanKind.PRODUCER)


class PartsOnly(Sampler):
    """Drops calls that are part of no request or task, as those by which Celery waits for tasks, many a second."""

    def __init__(self, sampler: Sampler) -> None:
        """`sampler`: decides about all other spans."""
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        if kind not in _BEGINNERS and not trace.get_current_span(parent_context).get_span_context().is_valid:
            return SamplingResult(Decision.DROP)
        return self._sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"PartsOnly({self._sampler.get_description()})"
