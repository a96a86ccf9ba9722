"""Traces: what the rest of the code says about spans, whether traces are on or off.

They are on where OTEL_EXPORTER_OTLP_ENDPOINT is set, from `start` on. Otherwise nothing of OpenTelemetry's SDK,
exporter or instrumentations is imported, and each function here returns at once. FastAPI itself imports its API.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext

    from main_service.monitoring.request_spans import RequestSpan as RequestSpan
    from main_service.monitoring.trace_pipeline import TracePipeline

Origin = Optional["Span"]
"""The span that a request is in, for `shared`. None: it is not sampled, or traces are off."""

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

_NOTHING = nullcontext()
_pipeline: "TracePipeline | None" = None


def is_wanted() -> bool:
    """Whether the environment asks for traces."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    is_elsewhere = os.environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    return not is_off and not is_elsewhere and any(os.environ.get(name, "").strip() for name in ENDPOINTS)


def start(service: str) -> "TracePipeline | None":
    """Begin to trace this process, if the environment asks for it; call it once, before an engine is opened.

    `service`: the name of the process in traces, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES has another.
    """
    global _pipeline
    if is_wanted() and _pipeline is None:
        from main_service.monitoring.trace_pipeline import TracePipeline

        _pipeline = TracePipeline(service)
    return _pipeline


def stop() -> None:
    """Send what is left, for a second at most. Call it at the end of the process."""
    if _pipeline is not None:
        _pipeline.stop()


def named_span(headers: "Iterable[tuple[bytes, bytes]]") -> "SpanContext | None":
    """The span that `traceparent` and `tracestate` among the headers of a trusted proxy name.

    None: traces are off, or there is none, several, or one that is malformed.
    """
    if _pipeline is None:
        return None
    named = [value for name, value in headers if name == b"traceparent"]
    if len(named) != 1:
        return None
    state = b",".join(value for name, value in headers if name == b"tracestate")
    return _pipeline.read(named[0].decode("latin-1"), state.decode("latin-1") or None)


def current_pipeline() -> "TracePipeline | None":
    """What sends the spans of this process; None: traces are off."""
    return _pipeline


def current_trace_id() -> str | None:
    """The id of the trace that this code runs in, 32 hexadecimal digits, also if the trace is not sampled.

    None: traces are off, or this is no part of a request or task.
    """
    return None if _pipeline is None else _pipeline.current_trace_id()


def current_trace_parent() -> str | None:
    """The current span as a `traceparent` (W3C), 55 characters, for a row that a task finds. None: there is none."""
    return None if _pipeline is None else _pipeline.current_trace_parent()


def span(name: str) -> AbstractContextManager[object]:
    """A span around a call of another system, as a part of the current one; none outside of requests and tasks."""
    return _NOTHING if _pipeline is None else _pipeline.span(name)


def continued(name: str, trace_parent: str | None) -> AbstractContextManager[object]:
    """A span of a task for one row, in the trace of the request that wrote the row; it links to the task's own.

    `trace_parent`: of the row. None: the span is part of the task's own trace.
    """
    return _NOTHING if _pipeline is None else _pipeline.continued(name, trace_parent)


def origin() -> Origin:
    """The current span, for `shared`."""
    return None if _pipeline is None else _pipeline.origin()


def shared(name: str, origins: Sequence[Origin]) -> AbstractContextManager[object]:
    """A span around what is done at once for several requests: part of the first one's trace, with links to all.

    `origins`: of each request. If none was sampled, nothing inside is either.
    """
    return _NOTHING if _pipeline is None else _pipeline.shared(name, origins)


def note_failure(error: BaseException) -> None:
    """Mark the current span as failed, by the kind of the error; its words may hold what users wrote."""
    if _pipeline is not None:
        _pipeline.note_failure(error)
