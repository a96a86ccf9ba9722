"""Spans of the fast path: the event loop notes times only, and the exporting thread makes spans of them.

For a sampled request, the event loop spends nearly all its time fetching code and data that no other request has used.
"""

from collections.abc import Sequence
from time import time_ns

from opentelemetry.trace import INVALID_SPAN_ID, INVALID_TRACE_ID, SpanContext, TraceFlags

from main_service.monitoring.request_spans import (
    RequestSpan,
    RequestSpans,
    SpanOutcome,
    batch_outcome,
    request_outcome,
)

Ids = tuple[bytes, bytes]
"""The id of a trace, 16 bytes, and that of a span in it, 8 bytes."""


class DeferredSpan:
    """Stands in for an ended span until it is exported. Only one thread at a time may ask it for ids."""

    __slots__ = ("_ids", "ended_ns", "started_ns")

    context = SpanContext(INVALID_TRACE_ID, INVALID_SPAN_ID, is_remote=False, trace_flags=TraceFlags(1))
    """Tells the processor that it is sampled. Its ids are not drawn yet."""

    def __init__(self) -> None:
        self.started_ns = time_ns()
        self.ended_ns = 0
        self._ids: Ids | None = None


class DeferredReadSpan(DeferredSpan):
    """A sampled request on the fast path. `ended_ns` is 0 until it is answered, and if FastAPI answers it."""

    __slots__ = ("_route", "_spans", "_status", "batch", "span")

    def __init__(self, spans: RequestSpans, span: RequestSpan | None = None) -> None:
        """`span`: its span, if it had to be made to know whether it is sampled."""
        super().__init__()
        self._spans = spans
        self.span = span
        self.batch: DeferredBatchSpan | None = None
        """The batch to which it links; None: the batch is a part of it, or has not begun."""

    def end(self, route: str, status: int) -> None:
        """Note that the request is answered. The span is exported with its batch or after it."""
        self.ended_ns = time_ns()
        self._route, self._status = route, status

    @property
    def ids(self) -> Ids:
        if self._ids is None:
            self._ids = self._spans.draw_ids() if self.span is None else ids_of(self.span.context)
        return self._ids

    @property
    def outcome(self) -> SpanOutcome:
        return request_outcome("GET", self._route, self._status, None)

    def hand_over(self) -> RequestSpan:
        """The request's span, for FastAPI, which ends it."""
        span = self.span
        if span is None:
            span = self.span = self._spans.begin_as(self.ids)
            span.started_ns = self.started_ns
        if self.batch is not None:
            span.add_link(context_of(self.batch.ids))
        return span

    def ended_span(self) -> RequestSpan:
        """The request's ended span, where it had to be made before the request was answered."""
        span = self.hand_over()
        span.outcome, span.ended_ns = self.outcome, self.ended_ns
        return span


class DeferredBatchSpan(DeferredSpan):
    """What is done at once for sampled requests: part of the first one's trace, linked to all."""

    __slots__ = ("_error", "_name", "_size", "_spans", "reads")

    def __init__(self, spans: RequestSpans, reads: Sequence[DeferredReadSpan], *, name: str, size: int) -> None:
        """`size`: how many requests it is for, the unsampled ones among them."""
        super().__init__()
        self._spans = spans
        self._name = name
        self._size = size
        self.reads = reads
        for each in reads[1:]:
            each.batch = self

    def end(self, error: str | None) -> None:
        """What was done is done. `error`: its kind, if it failed."""
        self.ended_ns = time_ns()
        self._error = error

    def send(self) -> None:
        """Have it sent with the first of its requests, and the others, as far as they were answered since."""
        self._spans.send(self)
        for each in self.reads[1:]:
            if each.ended_ns:
                self._spans.send(each)

    @property
    def ids(self) -> Ids:
        if self._ids is None:
            self._ids = self.reads[0].ids[0], self._spans.draw_span_id()
        return self._ids

    @property
    def outcome(self) -> SpanOutcome:
        return batch_outcome(self._name, self._size, self._error)


def ids_of(context: SpanContext) -> Ids:
    return context.trace_id.to_bytes(16), context.span_id.to_bytes(8)


def context_of(ids: Ids) -> SpanContext:
    """The context of a sampled span of this process."""
    trace_id, span_id = map(int.from_bytes, ids)
    return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(1))
