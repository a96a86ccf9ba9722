"""Spans as OTLP's messages. Those of requests are copied from templates, which takes a tenth of the library's time.

Those that were only noted are written as bytes, behind those of their template: of a field that comes twice, the last
counts.
"""

import struct
from collections.abc import Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import INVALID_SPAN_CONTEXT, Status, StatusCode

from main_service.monitoring.deferred_spans import DeferredBatchSpan, DeferredReadSpan, DeferredSpan, Ids, ids_of
from main_service.monitoring.request_spans import RequestSpan, SpanOutcome

_FLAGS, _FLAGS_OF_REMOTE = 0x100, 0x300
"""OTLP's flags of a span or link: it is known whether the one that it names is of another process, and that it is."""
# Field numbers and types of trace.proto: ids and times of a span, its parent, a link with its flags, a span in a scope.
_IDS_AND_TIMES = struct.Struct("<2s16s2s8scQcQ")
_PARENT = b"\x22\x08"
_LINK = b"\x6a\x21\x0a\x10%b\x12\x08%b\x35" + _FLAGS.to_bytes(4, "little")
_SPAN = b"\x12"


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

    def message(self, spans: Sequence[ReadableSpan | RequestSpan | DeferredSpan]) -> bytes:
        """The request that brings these spans to a collector."""
        message = encode_spans([span for span in spans if not isinstance(span, RequestSpan | DeferredSpan)])
        ours = message.resource_spans.add()
        ours.CopyFrom(self._requests)
        add = ours.scope_spans[0].spans.add
        written: list[bytes] = []
        for span in spans:
            read: ReadableSpan | RequestSpan | DeferredSpan = span
            if isinstance(span, DeferredBatchSpan):
                read = span.reads[0]
                written.append(self._written(span, parent=read.ids, links=[each.ids for each in span.reads]))
                # The others refer to the batch, and a circle would wait for the garbage collector.
                span.reads = ()
            if isinstance(read, DeferredReadSpan) and read.ended_ns and read.span is None:
                written.append(self._written(read, links=[] if read.batch is None else [read.batch.ids]))
            elif isinstance(read, DeferredReadSpan) and read.ended_ns:
                self._fill(add(), read.ended_span())
            elif isinstance(read, RequestSpan):
                self._fill(add(), read)
        ours.scope_spans[0].MergeFromString(b"".join(written))
        sent: bytes = message.SerializePartialToString()
        return sent

    def _written(
        self, span: DeferredReadSpan | DeferredBatchSpan, *, parent: Ids | None = None, links: Sequence[Ids]
    ) -> bytes:
        """A span as it stands in its scope."""
        trace_id, span_id = span.ids
        times = _IDS_AND_TIMES.pack(
            b"\x0a\x10", trace_id, b"\x12\x08", span_id, b"\x39", span.started_ns, b"\x41", span.ended_ns
        )
        more = b"" if parent is None else _PARENT + parent[1]
        body = b"".join((self._template(span.outcome)[1], times, more, *[_LINK % each for each in links]))
        return _SPAN + _varint(len(body)) + body

    def _template(self, outcome: SpanOutcome) -> tuple[Any, bytes]:
        """The message of a span that ended so, and the same as bytes."""
        if outcome.message is None:
            message = self._encode(outcome).resource_spans[0].scope_spans[0].spans[0]
            outcome.message = message, message.SerializeToString()
        return outcome.message

    def _fill(self, message: Any, span: RequestSpan) -> None:
        context, parent = span.context, span.parent
        message.CopyFrom(self._template(span.outcome)[0])
        message.trace_id, message.span_id = ids_of(context)
        message.start_time_unix_nano = span.started_ns
        message.end_time_unix_nano = span.ended_ns
        if context.trace_state:
            message.trace_state = context.trace_state.to_header()
        if parent is not None:
            _, message.parent_span_id = ids_of(parent)
            if parent.is_remote:
                message.flags = _FLAGS_OF_REMOTE
        for link in span.links:
            trace_id, span_id = ids_of(link)
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


def _varint(number: int) -> bytes:
    """The length as a protobuf varint: seven bits a byte, the lowest first."""
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
