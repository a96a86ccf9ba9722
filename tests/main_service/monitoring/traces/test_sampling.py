"""How many redirects are traced: drawn ahead, by the ratio that the environment says."""

import math

import pytest
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, Sampler, TraceIdRatioBased

from main_service.monitoring.request_spans import RequestSpans


def spans_by(sampler: Sampler) -> RequestSpans:
    return RequestSpans(SpanProcessor(), sampler=sampler)


@pytest.mark.parametrize("name", ["traceidratio", "parentbased_traceidratio"])
def test_redirects_are_drawn_as_often_as_the_ratio_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", name)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.01")
    spans = spans_by(TraceIdRatioBased(0.01))

    left_out = [spans.draw_unsampled() for _ in range(20_000)]

    assert min(left_out) == 0
    # Seven times as far off as one draw of 20,000 usually is.
    assert sum(left_out) / len(left_out) == pytest.approx(99, abs=5)


def test_ids_of_drawn_redirects_are_those_that_samplers_of_the_ratio_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.25")
    sampler = TraceIdRatioBased(0.25)
    spans = spans_by(sampler)

    ids = [int.from_bytes(spans.draw_ids()[0]) for _ in range(1_000)]

    assert len(set(ids)) == len(ids)
    decisions = {sampler.should_sample(None, trace_id, "request").decision for trace_id in ids}
    assert decisions == {Decision.RECORD_AND_SAMPLE}


@pytest.mark.parametrize(
    ("name", "sampler", "left_out"),
    [
        ("always_on", ALWAYS_ON, 0),
        ("parentbased_always_on", ALWAYS_ON, 0),
        ("parentbased_always_off", ALWAYS_OFF, math.inf),
        ("a-sampler-of-the-operators", ALWAYS_OFF, 0),
    ],
)
def test_other_samplers(name: str, sampler: Sampler, left_out: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", name)
    spans = spans_by(sampler)

    assert spans.draw_unsampled() == left_out
    if not spans.are_drawn_ahead:
        assert spans.begin().context.trace_flags.sampled is (sampler is ALWAYS_ON)
    assert spans.drop_unsampled is name.startswith("parentbased_")
    assert spans.are_drawn_ahead is (name != "a-sampler-of-the-operators")
