"""`traceparent` is believed from trusted proxies alone."""

import re
from uuid import uuid4

from tests.support.entries import create_link
from tests.support.tracing import Traced, span_of

SERVER, CLIENT = 2, 3


def test_traceparent_of_a_stranger_begins_a_new_trace(traced: Traced) -> None:
    key = create_link(traced.client)["key"]
    trace_id = uuid4().hex
    claimed = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01", "tracestate": "vendor=claimed"}

    for path in (f"/{key}", f"/{key}", f"/api/v1/entries/{key}"):
        assert traced.client.get(path, headers=claimed).status_code in (200, 302)
    answer = traced.client.get("/api/v1/entries/not-there", headers=claimed)

    assert answer.json()["trace_id"] != trace_id
    assert span_of(traced, "GET /api/v1/entries/{key}", answer=answer).parent_id == ""
    assert traced.receiver.find(trace_id=trace_id) == []
    assert b"claimed" not in b"".join(traced.receiver.bodies)


def test_traceparent_of_a_trusted_proxy_is_gone_on_with(traced: Traced) -> None:
    key = create_link(traced.client)["key"]
    with traced.from_proxy() as proxy:
        for path, name in ((f"/{key}", "GET /{key}"), (f"/{key}", "GET /{key}"), ("/api/v1/leaderboard", None)):
            trace_id = uuid4().hex
            claimed = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
            proxy.get(path, headers=claimed)
            [root] = traced.receiver.wait_for(
                f"the trace of {path}",
                lambda spans, trace_id=trace_id: [
                    it for it in spans if it.trace_id == trace_id and it.parent_id == "00f067aa0ba902b7"
                ],
            )
            assert name in (None, root.name)


def test_unsampled_request_of_a_trusted_proxy_sends_nothing(traced: Traced) -> None:
    key = create_link(traced.client)["key"]
    unsampled, sampled = uuid4().hex, uuid4().hex
    with traced.from_proxy() as proxy:
        for path in (f"/{key}", f"/{key}", "/api/v1/entries/not-there"):
            proxy.get(path, headers={"traceparent": f"00-{unsampled}-00f067aa0ba902b7-00"})
        # The second one begins on the fast path.
        answers = [
            proxy.get(path, headers={"traceparent": f"00-{unsampled}-00f067aa0ba902b7-00"})
            for path in ("/api/v1/entries/not-there", "/never-used-key")
        ]
        proxy.get(f"/{key}", headers={"traceparent": f"00-{sampled}-00f067aa0ba902b7-01"})

    assert [answer.json()["trace_id"] for answer in answers] == [unsampled] * 2
    traced.receiver.wait_for_span("GET /{key}", trace_id=sampled)
    assert traced.receiver.find(trace_id=unsampled) == []


def test_malformed_traceparent_of_a_trusted_proxy_begins_a_new_trace(traced: Traced) -> None:
    with traced.from_proxy() as proxy:
        for value in ("", "00", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff-" + "1" * 32 + "-" + "1" * 16 + "-01"):
            answer = proxy.get("/api/v1/entries/not-there", headers={"traceparent": value})
            assert re.fullmatch(r"[0-9a-f]{32}", answer.json()["trace_id"])
            assert span_of(traced, "GET /api/v1/entries/{key}", answer=answer).parent_id == ""
