"""Spans as OTLP's messages. Those of requests are copied from templates, which takes a tenth of the library's time."""

from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import INVALID_SPAN_CONTEXT, SpanContext, Status, StatusCode

from main_service.monitoring.request_spans import RequestSpan, SpanOutcome

_FLAGS, _FLAGS_OF_REMOTE = 0x100, 0x300
"""OTLP's flags of a span or link: it is known whether the one that it names is of another process, and that it is."""


class RequestSpanExporter(OTLPSpanExporter):
    """Sends spans of requests beside those of the SDK, in one message."""

    def __init__(self, *, resource: Resource, scope: str) -> None:
        super().__init__()
        self._resource = resource
        self._scope = InstrumentationScope(scope)
        [self._requests] = self._encode(SpanOutcome("", ReadableSpan("").kind, {}, is_failed=False)).resource_spans
        self._requests.scope_spans[0].ClearField("spans")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send the spans; if that fails, they are lost, and the log tells."""
        # The library has no other way to send a message that is made already.
        is_sent = self._client.export(self.message(spans)).success
        return SpanExportResult.SUCCESS if is_sent else SpanExportResult.FAILURE

    def message(self, spans: Sequence[ReadableSpan | RequestSpan]) -> bytes:
        """The request that brings these spans to a collector."""
        message = encode_spans([span for span in spans if not isinstance(span, RequestSpan)])
        ours = message.resource_spans.add()
        ours.CopyFrom(self._requests)
        add = ours.scope_spans[0].spans.add
        for span in spans:
            if isinstance(span, RequestSpan):
                self._fill(add(), span)
        sent: bytes = message.SerializePartialToString()
        return sent

    def _fill(self, message: Any, span: RequestSpan) -> None:
        outcome, context, parent = span.outcome, span.context, span.parent
        if outcome.message is None:
            outcome.message = self._encode(outcome).resource_spans[0].scope_spans[0].spans[0]
        message.CopyFrom(outcome.message)
        message.trace_id, message.span_id = _ids(context)
        message.start_time_unix_nano = span.started_ns
        message.end_time_unix_nano = span.ended_ns
        if context.trace_state:
            message.trace_state = context.trace_state.to_header()
        if parent is not None:
            _, message.parent_span_id = _ids(parent)
            if parent.is_remote:
                message.flags = _FLAGS_OF_REMOTE
        for link in span.links:
            trace_id, span_id = _ids(link)
            message.links.add(trace_id=trace_id, span_id=span_id, flags=_FLAGS)

    def _encode(self, outcome: SpanOutcome) -> Any:
        """A request with a span of that outcome, as the library encodes it, without what each span has for itself."""
        span = ReadableSpan(
            outcome.name,
            INVALID_SPAN_CONTEXT,
            resource=self._resource,
            attributes=outcome.attributes,
            kind=outcome.kind,
            status=Status(StatusCode.ERROR) if outcome.is_failed else Status(),
            start_time=0,
            end_time=0,
            instrumentation_scope=self._scope,
        )
        return encode_spans([span])


def _ids(context: SpanContext) -> tuple[bytes, bytes]:
    return context.trace_id.to_bytes(16), context.span_id.to_bytes(8)
