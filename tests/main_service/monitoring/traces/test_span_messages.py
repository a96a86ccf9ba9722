"""Spans of requests are sent as the library would send them."""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from main_service.monitoring.request_spans import RequestSpan, RequestSpans, read_trace_parent
from main_service.monitoring.span_messages import RequestSpanExporter

RESOURCE, SCOPE = Resource({"service.name": "tests", "process.pid": 7}), InstrumentationScope("tests")


class Kept(SpanProcessor):
    def __init__(self) -> None:
        self.ended: list[RequestSpan] = []

    def on_end(self, span: object) -> None:
        assert isinstance(span, RequestSpan)
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
    batch = spans.begin_batch([found, failed])
    spans.end_batch(batch, "read entries", size=12, error=None)
    spans.end(found, method="GET", route="/{key}", status=302)
    spans.end(failed, method="BREW", route=None, status=None, error="KeyError")
    # A second one is copied from the template that the first one has left.
    spans.end(spans.begin(), method="GET", route="/{key}", status=302)
    tracer = TracerProvider(resource=RESOURCE, shutdown_on_exit=False).get_tracer("tests")
    with tracer.start_as_current_span("SELECT") as of_the_sdk:
        assert isinstance(of_the_sdk, ReadableSpan)

    sent = sent_messages(RequestSpanExporter(resource=RESOURCE, scope="tests").message([*kept.ended, of_the_sdk]))

    found_attributes: dict[str, str | int] = {
        "http.request.method": "GET", "http.route": "/{key}", "http.response.status_code": 302,
    }  # fmt: skip
    failed_attributes: dict[str, str | int] = {"http.request.method": "_OTHER", "error.type": "KeyError"}
    batch_attributes: dict[str, str | int] = {
        "db.system": "redis", "db.operation": "EVALSHA", "slipbin.batch.size": 12,
    }  # fmt: skip
    expected = [
        as_the_library_has_it(batch, "read entries", SpanKind.CLIENT, batch_attributes, Status()),
        as_the_library_has_it(found, "GET /{key}", SpanKind.SERVER, found_attributes, Status()),
        as_the_library_has_it(failed, "HTTP", SpanKind.SERVER, failed_attributes, Status(StatusCode.ERROR)),
        as_the_library_has_it(kept.ended[-1], "GET /{key}", SpanKind.SERVER, found_attributes, Status()),
    ]
    assert sent == sent_messages(
        encode_spans([of_the_sdk]).SerializeToString(), encode_spans(expected).SerializeToString()
    )


def sent_messages(*requests: bytes) -> Sequence[object]:
    return [each for request in requests for each in ExportTraceServiceRequest.FromString(request).resource_spans]
