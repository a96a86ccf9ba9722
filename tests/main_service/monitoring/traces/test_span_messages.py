"""Spans of requests are sent as the library would send them."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from main_service.monitoring.deferred_spans import DeferredBatchSpan, DeferredReadSpan, context_of
from main_service.monitoring.request_spans import RequestSpan, RequestSpans, read_trace_parent
from main_service.monitoring.span_messages import RequestSpanExporter

RESOURCE, SCOPE = Resource({"service.name": "tests", "process.pid": 7}), InstrumentationScope("tests")


class Kept(SpanProcessor):
    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        assert span.context is not None
        assert span.context.trace_flags.sampled
        self.ended.append(span)


def as_the_library_has_it(
    span: RequestSpan, name: str, kind: SpanKind, attributes: dict[str, str | int], status: Status
) -> ReadableSpan:
    return ReadableSpan(
        name,
        span.context,
        span.parent,
        RESOURCE,
        attributes,
        links=[Link(context) for context in span.links],
        kind=kind,
        status=status,
        start_time=span.started_ns,
        end_time=span.ended_ns,
        instrumentation_scope=SCOPE,
    )


def test_spans_of_requests_are_what_the_library_makes_of_the_same() -> None:
    kept = Kept()
    spans = RequestSpans(kept, sampler=ALWAYS_ON)
    named = read_trace_parent("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01", "a=1,b=2")
    found, failed = spans.begin(named), spans.begin()
    spans.end(failed, method="BREW", route=None, status=None, error="KeyError")
    # A second one of an outcome is copied from the template that the first one has left.
    reads = DeferredReadSpan(spans, found), DeferredReadSpan(spans)
    batch = DeferredBatchSpan(spans, reads, name="read entries", size=12)
    batch.end(None)
    for each in reads:
        each.end("/{key}", 302)
    batch.send()
    tracer = TracerProvider(resource=RESOURCE, shutdown_on_exit=False).get_tracer("tests")
    with tracer.start_as_current_span("SELECT") as of_the_sdk:
        assert isinstance(of_the_sdk, ReadableSpan)

    exporter = RequestSpanExporter(resource=RESOURCE, scope="tests")
    sent = exporter.message([*kept.ended, of_the_sdk])

    found_attributes: dict[str, str | int] = {
        "http.request.method": "GET", "http.route": "/{key}", "http.response.status_code": 302,
    }  # fmt: skip
    failed_attributes: dict[str, str | int] = {"http.request.method": "_OTHER", "error.type": "KeyError"}
    batch_attributes: dict[str, str | int] = {
        "db.system": "redis", "db.operation": "EVALSHA", "slipbin.batch.size": 12,
    }  # fmt: skip
    first_read, second_read = reads
    batch_context, second_context = context_of(batch.ids), context_of(second_read.ids)
    assert second_context.trace_id != found.context.trace_id == batch_context.trace_id
    assert found.started_ns <= batch.started_ns <= batch.ended_ns <= first_read.ended_ns <= second_read.ended_ns
    batch_span, second = RequestSpan(batch_context, found.context), RequestSpan(second_context, None)
    batch_span.links, second.links = [found.context, second_context], [batch_context]
    for span, noted in ((batch_span, batch), (second, second_read)):
        span.started_ns, span.ended_ns = noted.started_ns, noted.ended_ns
    expected = [
        as_the_library_has_it(failed, "HTTP", SpanKind.SERVER, failed_attributes, Status(StatusCode.ERROR)),
        as_the_library_has_it(found, "GET /{key}", SpanKind.SERVER, found_attributes, Status()),
        as_the_library_has_it(batch_span, "read entries", SpanKind.CLIENT, batch_attributes, Status()),
        as_the_library_has_it(second, "GET /{key}", SpanKind.SERVER, found_attributes, Status()),
    ]
    assert spans_in(sent) == spans_in(
        encode_spans([of_the_sdk]).SerializeToString(), encode_spans(expected).SerializeToString()
    )


def spans_in(*requests: bytes) -> Sequence[object]:
    """What is sent, by where it comes from; the spans in the order of their ids."""
    found = [each for request in requests for each in ExportTraceServiceRequest.FromString(request).resource_spans]
    for of_resource in found:
        [of_scope] = of_resource.scope_spans
        of_scope.spans.sort(key=lambda span: span.span_id)
    return found
