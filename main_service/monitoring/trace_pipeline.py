"""The spans of this process on their way to the collector: provider, sampler, batches and exporter, once per process.

What OTEL_* variables can set is set by them; only http/protobuf is spoken. The provider is not made the global one, or
each library that knows OpenTelemetry would add spans of its own, whatever they hold.
"""

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode

from main_service.monitoring.request_spans import RequestSpans, read_trace_parent
from main_service.monitoring.safe_spans import SafeExporter
from main_service.monitoring.span_messages import RequestSpanExporter
from main_service.monitoring.trace_failures import limit_failure_logs
from main_service.monitoring.trace_sampling import PartsOnly

logger = logging.getLogger(__name__)

OURS = "slipbin"
"""The instrumentation scope of the spans that we make ourselves."""
VERSION = "0.1.0"
LAST_SECONDS = 1.0
"""How long the end of a process waits for the collector."""


class TracePipeline:
    """What `monitoring.tracing` does while traces are on."""

    def __init__(self, service: str) -> None:
        """Start the thread that sends, and trace SQLAlchemy and redis-py. `service`: see `tracing.start`."""
        _forget_empty_variables()
        limit_failure_logs()
        protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        if protocol not in (None, "http/protobuf"):
            logger.warning("Traces are sent as http/protobuf; OTEL_EXPORTER_OTLP_PROTOCOL=%s is not known", protocol)
        resource = _resource(service)
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        sampler = self._provider.sampler
        self._provider.sampler = PartsOnly(sampler)
        processor = BatchSpanProcessor(SafeExporter(RequestSpanExporter(resource=resource, scope=OURS)))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(OURS, VERSION)
        self.requests = RequestSpans(processor, sampler=sampler)
        with suppress_instrumentation():
            self._suppressed = contexts.get_current()
        SQLAlchemyInstrumentor().instrument(tracer_provider=self._provider)
        RedisInstrumentor().instrument(tracer_provider=self._provider)

    @property
    def provider(self) -> TracerProvider:
        """The provider of tracers, for instrumentations that only one kind of process has."""
        return self._provider

    def stop(self) -> None:
        """Send what is left, for `LAST_SECONDS` at most."""
        # The exporter itself may wait for 10 s, and nothing tells it to hurry.
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(LAST_SECONDS)

    def read(self, trace_parent: str, trace_state: str | None = None) -> SpanContext | None:
        """The span that a `traceparent` (W3C) names; None: it is malformed."""
        return read_trace_parent(trace_parent, trace_state)

    def current_trace_id(self) -> str | None:
        span_context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(span_context.trace_id) if span_context.is_valid else None

    def current_trace_parent(self) -> str | None:
        span_context = trace.get_current_span().get_span_context()
        if not span_context.is_valid:
            return None
        ids = f"{trace.format_trace_id(span_context.trace_id)}-{trace.format_span_id(span_context.span_id)}"
        return f"00-{ids}-{span_context.trace_flags & 1:02x}"

    def enter(self, span: Span) -> None:
        """Make a span the current one until the end of this asyncio task, which must be its own."""
        is_sampled = span.get_span_context().trace_flags.sampled
        # Then the instrumentations do nothing, instead of creating spans that are never exported.
        contexts.attach(trace.set_span_in_context(span, Context() if is_sampled else self._suppressed))

    def leave_untraced(self) -> None:
        """Let nothing be traced until the end of this asyncio task, which must be a request's own."""
        contexts.attach(self._suppressed)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        if not trace.get_current_span().get_span_context().trace_flags.sampled:
            yield
            return
        with self._tracer.start_as_current_span(name, kind=SpanKind.CLIENT):
            yield

    @contextmanager
    def continued(self, name: str, trace_parent: str | None) -> Iterator[None]:
        task = trace.get_current_span()
        parent = None if trace_parent is None else read_trace_parent(trace_parent)
        if parent is None:
            with self._tracer.start_as_current_span(name, kind=SpanKind.CONSUMER):
                yield
            return
        links = [Link(task.get_span_context())] if task.get_span_context().is_valid else []
        context = trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())
        with self._tracer.start_as_current_span(name, context, kind=SpanKind.CONSUMER, links=links) as span:
            if span.get_span_context().is_valid:
                task.add_link(span.get_span_context())
            yield

    def origin(self) -> Span | None:
        span = trace.get_current_span()
        return span if span.get_span_context().trace_flags.sampled else None

    @contextmanager
    def shared(self, name: str, origins: Sequence[Span | None]) -> Iterator[None]:
        sampled = [each for each in origins if each is not None]
        if not sampled:
            with _attached(self._suppressed):
                yield
            return
        links = [Link(each.get_span_context()) for each in sampled]
        context = trace.set_span_in_context(sampled[0], Context())
        with self._tracer.start_as_current_span(name, context, links=links) as span:
            span.set_attribute("slipbin.batch.size", len(origins))
            for each in sampled[1:]:
                each.add_link(span.get_span_context())
            yield

    def note_failure(self, error: BaseException) -> None:
        span = trace.get_current_span()
        span.set_status(Status(StatusCode.ERROR))
        span.set_attribute("error.type", type(error).__name__)


def _forget_empty_variables() -> None:
    """An empty variable counts as not set, as OpenTelemetry says; its SDK takes some of them for values."""
    for name, value in list(os.environ.items()):
        if name.startswith("OTEL_") and not value.strip():
            del os.environ[name]


def _resource(service: str) -> Resource:
    resource = Resource.create({SERVICE_VERSION: VERSION, "process.pid": os.getpid()})
    if str(resource.attributes[SERVICE_NAME]).startswith("unknown_service"):
        return resource.merge(Resource({SERVICE_NAME: service}))
    return resource


@contextmanager
def _attached(context: Context) -> Iterator[None]:
    token = contexts.attach(context)
    try:
        yield
    finally:
        contexts.detach(token)
