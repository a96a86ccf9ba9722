"""What an instrumentation adds to a span, now or in its next release, leaves only if it is known to be harmless."""

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Status, StatusCode

from main_service.monitoring.safe_spans import LONGEST, SafeExporter

TAKEN = (
    "<class 'asyncpg.exceptions.UniqueViolationError'>: duplicate key value violates a constraint\n"
    "DETAIL: Key (email)=(planted@example.org) already exists."
)


def test_only_listed_attributes_and_kinds_of_errors_leave() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(SafeExporter(kept)))
    tracer = provider.get_tracer("an.instrumentation")
    with tracer.start_as_current_span("other") as other:
        link = Link(other.get_span_context(), {"url": "planted"})
    kept.clear()

    with tracer.start_as_current_span("INSERT", links=[link]) as span:
        span.set_attributes({"db.system": "postgresql", "http.url": "planted", "db.statement": "x" * 2 * LONGEST})
        span.add_event("sent", {"body": "planted"})
        span.record_exception(ValueError("planted"))
        span.set_status(Status(StatusCode.ERROR, TAKEN))

    [sent] = kept.get_finished_spans()
    assert "planted" not in sent.to_json()
    assert dict(sent.attributes or {}) == {
        "db.system": "postgresql",
        "db.statement": "x" * LONGEST,
        "error.type": "asyncpg.exceptions.UniqueViolationError",
    }
    assert [dict(event.attributes or {}) for event in sent.events] == [{}, {"exception.type": "ValueError"}]
    assert sent.status.status_code is StatusCode.ERROR
    assert [each.context.span_id for each in sent.links] == [other.get_span_context().span_id]
