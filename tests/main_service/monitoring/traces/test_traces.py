"""Traces of requests, as a collector receives them; and that nothing private leaves."""

import signal
import time
from contextlib import ExitStack
from uuid import uuid4

from tests.support.accounts import new_email, new_user
from tests.support.entries import create_link, create_paste
from tests.support.otlp_receiver import ReceivedSpan
from tests.support.raw_http import connect, read_answer
from tests.support.tracing import Traced, new_root, span_of
from tests.support.workers import send_task

SERVER, CLIENT = 2, 3


def constant(lines: list[str]) -> list[str]:
    """The tree without what some requests have: EVAL if a script is new to Redis, SPOP if no more keys are at hand."""
    return [line for line in lines if line.strip() not in ("EVAL", "SPOP")]


def test_create_is_one_trace_from_the_request_to_all_engines(traced: Traced) -> None:
    began = time.time_ns()

    create_paste(traced.client, text="x" * 5_000)

    request = new_root(traced, "POST /api/v1/pastes", since_ns=began)
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
    began = time.time_ns()

    assert traced.client.get(f"/{key}").status_code == 302

    first = new_root(traced, "GET /{key}", since_ns=began)
    names = traced.receiver.tree(first)
    assert names[:2] == ["GET /{key}", "  read entries"]
    assert {"  SELECT", "  record visits"} <= set(names)
    assert first.attributes["http.response.status_code"] == 302
    began = time.time_ns()

    assert traced.client.get(f"/{key}").status_code == 302

    second = new_root(traced, "GET /{key}", since_ns=began)
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
        # It finds a request on each connection when it looks again, or else at the next attempt.
        for _ in range(10):
            process.send_signal(signal.SIGSTOP)
            for connection in connections:
                connection.sendall(request)
            process.send_signal(signal.SIGCONT)
            assert [read_answer(connection).status for connection in connections] == [302] * 5

    def of_five(spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
        # A round that sends five emails of other tests has as many links.
        return [it for it in spans if it.name == "read entries" and len(it.links) == 5]

    batch, *_ = traced.receiver.wait_for("a batch of five", of_five)
    requests = [traced.receiver.wait_for_span("GET /{key}", span_id=span_id) for span_id in batch.links]
    assert batch.attributes["slipbin.batch.size"] == 5
    assert (batch.trace_id, batch.parent_id) == (requests[0].trace_id, requests[0].span_id)
    assert [it.links for it in requests[1:]] == [[batch.span_id]] * 4
    assert len({it.trace_id for it in requests}) == 5


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
