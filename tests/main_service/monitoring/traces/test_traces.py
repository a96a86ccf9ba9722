"""Traces, as a collector receives them: of requests and of what they order; and that nothing private leaves."""

import re
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx

from tests.support.accounts import new_email, new_superuser, new_user, register_by_api
from tests.support.entries import create_link, create_paste
from tests.support.otlp_receiver import ReceivedSpan
from tests.support.raw_http import connect, read_answer
from tests.support.reports import confirmed_user, order_report
from tests.support.tracing import Traced
from tests.support.workers import keygen_worker, send_routed_tasks, send_task

CREATE_LINK = "POST /api/v1/links"
SERVER, CLIENT = 2, 3


def constant(lines: list[str]) -> list[str]:
    """The tree without what some requests have: EVAL if a script is new to Redis, SPOP if no more keys are at hand."""
    return [line for line in lines if line.strip() not in ("EVAL", "SPOP")]


def span_of(traced: Traced, name: str, *, answer: httpx.Response) -> ReceivedSpan:
    """The span of the request that was answered with this problem."""
    return traced.receiver.wait_for_span(name, trace_id=answer.json()["trace_id"])


def new_root(traced: Traced, name: str, known: set[str]) -> ReceivedSpan:
    """The span of a request that came after those known, the only one since."""
    [root] = traced.receiver.wait_for(
        f"a new {name}", lambda spans: [it for it in spans if it.name == name and it.span_id not in known]
    )
    assert isinstance(root, ReceivedSpan)
    return root


def known_spans(traced: Traced) -> set[str]:
    return {span.span_id for span in traced.receiver.spans}


def test_create_is_one_trace_from_the_request_to_all_engines(traced: Traced) -> None:
    known = known_spans(traced)

    create_paste(traced.client, text="x" * 5_000)

    request = new_root(traced, "POST /api/v1/pastes", known)
    assert constant(traced.receiver.tree(request)) == [
        "POST /api/v1/pastes",
        "  put object",
        "  insert entries",
        "    EVALSHA",
        "    connect",
        "    WITH",
    ]
    assert (request.service, request.kind, request.parent_id) == ("slipbin-web", SERVER, "")
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/v1/pastes",
        "http.response.status_code": 201,
    }
    batch = next(it for it in traced.receiver.children(request) if it.name == "insert entries")
    assert batch.links == [request.span_id]
    assert batch.attributes == {"slipbin.batch.size": 1}
    statement = traced.receiver.children(batch)[-1]
    assert statement.attributes["db.system"] == "postgresql"
    assert "INSERT INTO entry" in statement.attributes["db.statement"]


def test_redirect_by_fastapi_and_then_by_the_fast_path(traced: Traced) -> None:
    key = create_link(traced.client)["key"]
    known = known_spans(traced)

    assert traced.client.get(f"/{key}").status_code == 302

    first = new_root(traced, "GET /{key}", known)
    names = traced.receiver.tree(first)
    assert names[:2] == ["GET /{key}", "  read entries"]
    assert {"  SELECT", "  record visits"} <= set(names)
    assert first.attributes["http.response.status_code"] == 302
    known = known_spans(traced)

    assert traced.client.get(f"/{key}").status_code == 302

    second = new_root(traced, "GET /{key}", known)
    assert traced.receiver.tree(second) == ["GET /{key}", "  read entries"]
    [batch] = traced.receiver.children(second)
    assert batch.links == [second.span_id]
    assert (batch.kind, batch.attributes["slipbin.batch.size"]) == (CLIENT, 1)
    assert second.attributes == {
        "http.request.method": "GET",
        "http.route": "/{key}",
        "http.response.status_code": 302,
    }
    assert second.started_ns <= batch.started_ns <= batch.ended_ns <= second.ended_ns


def test_text_by_the_fast_path_has_its_route(traced: Traced) -> None:
    key = create_paste(traced.client, text="a text")["key"]
    for _ in range(3):
        assert traced.client.get(f"/{key}/raw").text == "a text"

    def fast(spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
        texts = [it for it in spans if it.name == "GET /{key}/raw"]
        return [it for it in texts if traced.receiver.tree(it)[1:] == ["  read entries"]]

    [*_, text] = traced.receiver.wait_for("a text by the fast path", fast)
    assert text.attributes["http.response.status_code"] == 200


def test_batch_of_the_fast_path_links_to_all_its_requests_and_they_to_it(traced: Traced) -> None:
    key = create_link(traced.client)["key"]
    request = f"GET /{key} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    [process] = traced.web.processes
    with ExitStack() as closed:
        connections = [closed.enter_context(connect(traced.web)) for _ in range(5)]
        for connection in connections:
            connection.sendall(request)
            assert read_answer(connection).status == 302
        # It finds a request on each connection when it looks again.
        process.send_signal(signal.SIGSTOP)
        for connection in connections:
            connection.sendall(request)
        process.send_signal(signal.SIGCONT)
        assert [read_answer(connection).status for connection in connections] == [302] * 5

    [batch] = traced.receiver.wait_for("the batch", lambda spans: [it for it in spans if len(it.links) == 5])
    requests = [traced.receiver.wait_for_span("GET /{key}", span_id=span_id) for span_id in batch.links]
    assert batch.name == "read entries"
    assert batch.attributes["slipbin.batch.size"] == 5
    assert (batch.trace_id, batch.parent_id) == (requests[0].trace_id, requests[0].span_id)
    assert [it.links for it in requests[1:]] == [[batch.span_id]] * 4
    assert len({it.trace_id for it in requests}) == 5


async def test_report_is_one_trace_from_its_order_to_its_email(
    traced: Traced, traced_quick_worker: None, traced_slow_worker: None, database: asyncpg.Connection
) -> None:
    user = await confirmed_user(traced.client, database)
    known = known_spans(traced)

    order_report(traced.client, user)
    ordered = new_root(traced, "POST /api/v1/reports", known)
    send_routed_tasks("main_service.build_report", environment=traced.environment)
    built = traced.receiver.wait_for_span("build report", trace_id=ordered.trace_id)
    send_task("main_service.send_mail", environment=traced.environment)
    sent = traced.receiver.wait_for_span("send email", trace_id=ordered.trace_id)

    assert built.service == "slipbin-slow"
    assert "put object" in {it.name for it in traced.receiver.children(built)}
    enclosing = {it.span_id: it.name for it in traced.receiver.find(trace_id=ordered.trace_id)}
    assert enclosing[built.parent_id].startswith(("INSERT", "POST /api/v1/reports"))
    assert sent.service == "slipbin-worker"
    assert enclosing[sent.parent_id] == "build report"
    [round_id] = sent.links
    round_span = traced.receiver.wait_for_span("run/main_service.send_mail", span_id=round_id)
    assert round_span.trace_id != sent.trace_id
    assert sent.span_id in round_span.links


def test_registration_is_one_trace_with_its_email(traced: Traced, traced_quick_worker: None) -> None:
    known = known_spans(traced)

    register_by_api(traced.client)
    registered = new_root(traced, "POST /api/v1/auth/register", known)
    send_task("main_service.send_mail", environment=traced.environment)

    sent = traced.receiver.wait_for_span("send email", trace_id=registered.trace_id)
    assert sent.started_ns > registered.ended_ns
    assert "UPDATE" in {it.name for it in traced.receiver.children(sent)}


async def test_job_of_a_superuser_is_one_trace_with_its_order(
    traced: Traced, traced_slow_worker: None, database: asyncpg.Connection
) -> None:
    superuser = await new_superuser(traced.client, database)

    answer = traced.client.post("/api/v1/admin/cleanup", headers=superuser.headers)
    assert answer.status_code == 202
    ordered = traced.receiver.wait_for_span("POST /api/v1/admin/cleanup")
    send_routed_tasks("main_service.do_asked_work", environment=traced.environment)

    done = traced.receiver.wait_for_span("run job clean_up", trace_id=ordered.trace_id)
    assert done.service == "slipbin-slow"


def test_each_task_is_a_trace_of_its_own_and_waiting_for_one_is_none(traced: Traced, traced_quick_worker: None) -> None:
    send_task("main_service.ingest_visits", environment=traced.environment)

    task = traced.receiver.wait_for_span("run/main_service.ingest_visits")

    assert task.service == "slipbin-worker"
    assert {"connect", "SELECT"} <= {it.name for it in traced.receiver.children(task)}
    roots = {it.name for it in traced.receiver.find(service="slipbin-worker", parent_id="")}
    assert all(name.startswith("run/") for name in roots), roots


def test_keygen_is_traced_without_a_key(traced: Traced, folder: Path) -> None:
    with keygen_worker(traced.environment, folder / "traced-keygen.log"):
        task = traced.receiver.wait_for_span("run/keygen_service.top_up")

    assert task.service == "slipbin-keygen"
    commands = traced.receiver.children(task)
    assert "SCARD" in {it.name for it in commands}
    for command in commands:
        assert re.fullmatch(r"[A-Z ?\n.]+", command.attributes["db.statement"])


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
        answer = proxy.get("/api/v1/entries/not-there", headers={"traceparent": f"00-{unsampled}-00f067aa0ba902b7-00"})
        proxy.get(f"/{key}", headers={"traceparent": f"00-{sampled}-00f067aa0ba902b7-01"})

    assert answer.json()["trace_id"] == unsampled
    traced.receiver.wait_for_span("GET /{key}", trace_id=sampled)
    assert traced.receiver.find(trace_id=unsampled) == []


def test_malformed_traceparent_of_a_trusted_proxy_begins_a_new_trace(traced: Traced) -> None:
    with traced.from_proxy() as proxy:
        for value in ("", "00", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff-" + "1" * 32 + "-" + "1" * 16 + "-01"):
            answer = proxy.get("/api/v1/entries/not-there", headers={"traceparent": value})
            assert re.fullmatch(r"[0-9a-f]{32}", answer.json()["trace_id"])
            assert span_of(traced, "GET /api/v1/entries/{key}", answer=answer).parent_id == ""


def test_health_checks_and_scrapes_are_not_traced(traced: Traced) -> None:
    began_ns = time.time_ns()
    for path in ("/health/live", "/health/ready", "/metrics"):
        traced.client.get(path)
    answer = traced.client.get("/api/v1/entries/not-there")

    request = span_of(traced, "GET /api/v1/entries/{key}", answer=answer)
    seen = {it.trace_id for it in traced.receiver.find(service="slipbin-web") if it.started_ns > began_ns}
    assert seen == {request.trace_id}


def test_nothing_private_leaves_the_process(traced: Traced, traced_quick_worker: None) -> None:
    """Whole bodies as they were sent: no name, value, event, link or resource holds any of it."""
    client = traced.client
    user = new_user(client)
    email = new_email()
    secrets = [user.email, user.username, email, user.tokens["access_token"], user.tokens["refresh_token"]]
    private = create_link(client, headers=user.headers, visibility="private", title="planted-title")
    guest = create_link(client, original_url="https://example.org/planted-target?a=planted-value")
    secrets += [private["key"], guest["key"], guest["manage_token"], "planted"]
    manage = {"X-Manage-Token": guest["manage_token"]}
    token = "planted-token-" + uuid4().hex
    for path in (
        f"/{private['key']}?q=planted",
        f"/{guest['key']}?q=planted",
        f"/{guest['key']}?q=planted",
        f"/api/v1/entries/{private['key']}",
        f"/verify/{token}",
        f"/reset/{token}",
        f"/planted-{uuid4().hex}/planted",
        "/static/../planted",
    ):
        client.get(path, headers={**user.headers, **manage, "User-Agent": "planted-agent", "Referer": "http://planted"})
        client.get(path, headers={"User-Agent": "planted-agent", "X-Forwarded-For": "203.0.113.77"})
    client.patch(f"/api/v1/entries/{guest['key']}", json={"title": "planted-title"}, headers=manage)
    client.request("PLANTED", f"/{guest['key']}")
    # Taken: PostgreSQL's error quotes the value.
    for _ in range(2):
        register = {"email": email, "username": f"u{uuid4().hex[:8]}", "password": "Planted-1-planted"}
        client.post("/api/v1/auth/register", json=register)
    client.post("/api/v1/auth/token", json={"email": email, "password": "planted-password"})
    send_task("main_service.send_mail", environment=traced.environment)
    known = client.get("/api/v1/entries/not-there")
    span_of(traced, "GET /api/v1/entries/{key}", answer=known)
    traced.receiver.wait_for_span("run/main_service.send_mail")

    sent = b"".join(traced.receiver.bodies)
    left = [
        secret for secret in [*secrets, token, "203.0.113.77", "127.0.0.1"] if secret.lower().encode() in sent.lower()
    ]
    assert left == []
