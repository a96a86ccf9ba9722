"""Spans of requests: a sampled one costs a few microseconds.

The SDK's own spans cost several times as much while the event loop waits.
"""

import math
import os
from collections.abc import Mapping
from functools import lru_cache
from random import getrandbits, random
from time import time_ns
from typing import Any, cast

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_METHODS = frozenset(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"])
_UNSAMPLED, _SAMPLED = TraceFlags(0), TraceFlags(1)
_PARENT_BASED = "parentbased_"
"""Begins the names of samplers that leave it to the parent's process."""
_KINDS = 1024
"""How many kinds of spans are remembered: by route, method, status and error, or by the size of a batch."""


def read_trace_parent(trace_parent: str, trace_state: str | None = None) -> SpanContext | None:
    """The span that a `traceparent` (W3C) names; None: it is malformed."""
    carrier = {"traceparent": trace_parent, **({} if trace_state is None else {"tracestate": trace_state})}
    found = trace.get_current_span(_PROPAGATOR.extract(carrier, Context())).get_span_context()
    return found if found.is_valid else None


class SpanOutcome:
    """What all spans of requests that ended alike have in common."""

    __slots__ = ("attributes", "is_failed", "kind", "message", "name")

    def __init__(self, name: str, kind: SpanKind, attributes: Mapping[str, str | int], *, is_failed: bool) -> None:
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.is_failed = is_failed
        self.message: tuple[Any, bytes] | None = None
        """The form in which it is sent, once it was; for `span_messages`."""


class RequestSpan(NonRecordingSpan):
    """A request's span while it is answered; spans of what the request asks of others become its children."""

    outcome: SpanOutcome
    ended_ns: int

    def __init__(self, context: SpanContext, parent: SpanContext | None) -> None:
        super().__init__(context)
        self.context = context
        self.parent = parent
        self.started_ns = time_ns()
        self.links: list[SpanContext] = []

    def add_link(self, context: SpanContext, _attributes: Any = None) -> None:
        self.links.append(context)


class RequestSpans:
    """Begins and ends the spans of requests."""

    def __init__(self, processor: SpanProcessor, *, sampler: Sampler) -> None:
        """`processor`: is given the spans that have ended, as `RequestSpan`, which exporters of others don't know."""
        self._processor = processor
        self._sampler = sampler
        self._ratio = _root_ratio(os.environ)
        self.are_drawn_ahead = self._ratio is not None
        """Whether `draw_unsampled` decides; otherwise the sampler is asked as each begins."""
        self.drop_unsampled = self.are_drawn_ahead and _sampler_name(os.environ).startswith(_PARENT_BASED)
        """Whether no request is sampled that a trusted proxy says is not."""

    def draw_unsampled(self) -> float:
        """How many requests that begin a trace are not sampled before the next that is; infinite: none ever is.

        It is as if each were drawn alone. Where only the sampler knows, it is 0, and each is to be begun.
        """
        if self._ratio is None or self._ratio >= 1:
            return 0
        if self._ratio <= 0:
            return math.inf
        return int(math.log(1 - random()) / math.log1p(-self._ratio))  # noqa: S311 - nothing secret depends on it

    def draw_ids(self) -> tuple[bytes, bytes]:
        """The ids of the trace and span of a request that begins a trace and was drawn."""
        assert self._ratio is not None
        # Everything else that samples by the same ratio takes this id, too.
        trace_id = getrandbits(64) << 64 | int(getrandbits(64) * self._ratio)
        return (trace_id or 1).to_bytes(16), self.draw_span_id()

    def draw_span_id(self) -> bytes:
        return (getrandbits(64) or 1).to_bytes(8)

    def begin_as(self, ids: tuple[bytes, bytes]) -> RequestSpan:
        """The span of a request that was drawn, with these ids."""
        trace_id, span_id = map(int.from_bytes, ids)
        return RequestSpan(SpanContext(trace_id, span_id, is_remote=False, trace_flags=_SAMPLED), None)

    def begin_unsampled(self) -> RequestSpan:
        """The span of a request that was not drawn."""
        return self._span(getrandbits(128) or 1, _UNSAMPLED)

    def begin(self, parent: SpanContext | None = None) -> RequestSpan:
        """The span of a request, sampled or not. `parent`: a span elsewhere, whose trace it becomes part of."""
        trace_id = getrandbits(128) or 1 if parent is None else parent.trace_id
        context = None if parent is None else trace.set_span_in_context(NonRecordingSpan(parent), Context())
        decision = self._sampler.should_sample(context, trace_id, "request", SpanKind.SERVER).decision
        return self._span(trace_id, _SAMPLED if decision is Decision.RECORD_AND_SAMPLE else _UNSAMPLED, parent)

    def end(
        self, span: RequestSpan, *, method: str, route: str | None, status: int | None, error: str | None = None
    ) -> None:
        """End a request's span. `status`: None if nothing was answered. `error`: the name of a bug's exception."""
        if not span.get_span_context().trace_flags.sampled:
            return
        span.outcome = request_outcome(method if method in _METHODS else "_OTHER", route, status, error)
        span.ended_ns = time_ns()
        self.send(span)

    def send(self, span: object) -> None:
        """Have a `RequestSpan` or `DeferredSpan` sent, which has ended and is sampled."""
        # The processor looks at nothing but the flags of the context.
        self._processor.on_end(cast(ReadableSpan, span))

    def _span(self, trace_id: int, flags: TraceFlags, parent: SpanContext | None = None) -> RequestSpan:
        state = None if parent is None else parent.trace_state
        context = SpanContext(trace_id, getrandbits(64) or 1, is_remote=False, trace_flags=flags, trace_state=state)
        return RequestSpan(context, parent)


@lru_cache(_KINDS)
def request_outcome(method: str, route: str | None, status: int | None, error: str | None) -> SpanOutcome:
    """How a request has ended. `error`: the name of a bug's exception."""
    attributes: dict[str, str | int] = {"http.request.method": method}
    if route is not None:
        attributes["http.route"] = route
    if status is not None:
        attributes["http.response.status_code"] = status
    is_failed = error is not None or (status is not None and status >= 500)
    if is_failed:
        attributes["error.type"] = error or str(status)
    name = "HTTP" if method == "_OTHER" else method
    return SpanOutcome(name if route is None else f"{name} {route}", SpanKind.SERVER, attributes, is_failed=is_failed)


@lru_cache(_KINDS)
def batch_outcome(name: str, size: int, error: str | None) -> SpanOutcome:
    """How a batch of the fast path has ended. `error`: the kind of the reply's error."""
    attributes: dict[str, str | int] = {"db.system": "redis", "db.operation": "EVALSHA", "slipbin.batch.size": size}
    if error is not None:
        attributes["error.type"] = error
    return SpanOutcome(name, SpanKind.CLIENT, attributes, is_failed=error is not None)


def _root_ratio(environ: Mapping[str, str]) -> float | None:
    """How many of the traces that begin here are sampled, as the environment says; None: only the sampler knows."""
    name = _sampler_name(environ).removeprefix(_PARENT_BASED)
    if name == "traceidratio":
        try:
            ratio = float(environ.get("OTEL_TRACES_SAMPLER_ARG", ""))
        except ValueError:
            return 1.0
        return ratio if 0 <= ratio <= 1 else 1.0
    return {"always_on": 1.0, "always_off": 0.0}.get(name)


def _sampler_name(environ: Mapping[str, str]) -> str:
    return environ.get("OTEL_TRACES_SAMPLER", "parentbased_always_on").lower()
