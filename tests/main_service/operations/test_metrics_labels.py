"""Whatever clients send, labels have no value of theirs; and what the server refuses before the app is counted."""

import re
import socket
from collections.abc import Iterator
from itertools import product
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from tests.support.engines import Environment
from tests.support.metrics import METRICS_TOKEN, read_metrics
from tests.support.waiting import eventually
from tests.support.web import WebServer

MARK = "planted"


@pytest.fixture(scope="module")
def counting(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment | {"MAIN_METRICS_TOKEN": METRICS_TOKEN}) as server:
        yield server


def send(server: WebServer, data: bytes) -> bytes:
    """What the server answers to these bytes, until it closes the connection."""
    parts = urlsplit(server.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
        return answer


def test_no_path_method_or_host_makes_a_label_value(counting: WebServer) -> None:
    methods = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
    paths = (
        f"/{MARK}-*/nothing/here",
        f"/{MARK}-*",
        f"/{MARK}-*/raw",
        f"/static/{MARK}-*.js",
        f"/api/v1/entries/{MARK}-*",
        f"/api/v1/{MARK}-*",
        f"/%2e%2e/{MARK}-*",
        f'/{MARK}"-*/{{key}}/x',
        f"/c/{MARK}-*",
    )
    for method, path in product(methods, paths):
        unique = uuid4().hex[:6]
        headers = {"Host": f"{MARK}-{unique}.example", "X-Forwarded-For": MARK}
        answer = counting.client.request(method, path.replace("*", unique), headers=headers)
        assert answer.status_code in (302, 308, 400, 403, 404, 405, 415, 422)
    with_odd_host = f"GET / HTTP/1.1\r\nHost: {MARK}\r\nConnection: close\r\n\r\n"
    assert send(counting, with_odd_host.encode()).startswith(b"HTTP/1.1 200")

    told = read_metrics(counting.client)
    assert not [name for name in told if MARK in name]
    methods_told = set(re.findall(r'method="([^"]*)"', " ".join(told)))
    assert methods_told == {"GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "other", "none"}
    timed = {name for name in told if name.startswith("slipbin_http_request_duration") and 'method="other"' in name}
    assert not timed, "what no route has takes no room beyond a number"
    assert told['slipbin_http_requests_total{method="other",route="/{name}",status="405"}'] > 0


@pytest.mark.parametrize(
    ("status", "code", "data"),
    [
        (400, "bad_request", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        (400, "too_many_query_fields", b"GET /?" + b"&" * 1_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        (431, "headers_too_large", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 40_000 + b"\r\n\r\n"),
    ],
)
def test_refusal_before_the_app_is_counted_without_a_route(
    counting: WebServer, status: int, code: str, data: bytes
) -> None:
    samples = (
        f'slipbin_http_requests_total{{method="none",route="none",status="{status}"}}',
        f'slipbin_refusals_total{{code="{code}"}}',
    )
    before = read_metrics(counting.client)

    assert send(counting, data).startswith(f"HTTP/1.1 {status}".encode())

    after = read_metrics(counting.client)
    assert [after[sample] - before[sample] for sample in samples] == [1, 1]


def test_too_many_connections_are_counted_as_refused(environment: Environment) -> None:
    settings = environment | {"MAIN_METRICS_TOKEN": METRICS_TOKEN, "MAIN_LIMIT_CONNECTIONS": "1"}
    with WebServer(settings) as server:
        # The connection that waited for its start may still be counted.
        eventually(lambda: server.client.get("/health/live").status_code == 200, "a first connection")
        with server.new_client() as another:
            assert another.get("/health/live").status_code == 429

        told = read_metrics(server.client)
        assert told['slipbin_refusals_total{code="too_many_connections"}'] >= 1
        assert told['slipbin_http_requests_total{method="none",route="none",status="429"}'] >= 1
