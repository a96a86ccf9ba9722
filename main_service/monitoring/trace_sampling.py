"""Which spans are sampled: beside what OTEL_TRACES_SAMPLER says, no call of another system begins a trace."""

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

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
