"""Answers to requests that never reach the app: too large, too slow or not HTTP. They are fixed and echo nothing."""

import json
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from main_service.http_server.client_limits import QUERY_FIELDS, WAITING_REQUESTS
from main_service.monitoring.metrics import HTTP_REQUESTS, REFUSALS
from main_service.web.headers import DEFAULTS

HEAD_BYTES = 32 * 1024
"""The largest request line with headers, and the largest trailer, which the parser would keep whatever its length."""


class Refusal:
    """An answer as problem+json, like all our refusals, after which the connection is closed."""

    def __init__(self, status: HTTPStatus, code: str, detail: str) -> None:
        problem: dict[str, object] = {
            "type": "about:blank",
            "title": status.phrase,
            "status": status.value,
            "detail": detail,
            "code": code,
            "errors": [],
        }
        body = json.dumps(problem, separators=(",", ":")).encode() + b"\n"
        headers = DEFAULTS | {
            "content-type": "application/problem+json",
            "content-length": str(len(body)),
            "connection": "close",
        }
        if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            headers["retry-after"] = "5"
        self._counters = (HTTP_REQUESTS.labels("none", "none", str(status.value)), REFUSALS.labels(code))
        self.status = status.value
        self.code = code
        self.size_bytes = len(body)
        self._status_line = STATUS_LINE[status]
        self._rest = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n" + body

    def encode(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """The bytes of the whole answer, which is counted. `headers`: those that the server adds to every answer."""
        for counter in self._counters:
            counter.inc()
        return self._status_line + b"".join(name + b": " + value + b"\r\n" for name, value in headers) + self._rest


NOT_HTTP = Refusal(HTTPStatus.BAD_REQUEST, "bad_request", "This isn't a valid HTTP/1.1 or HTTP/1.0 request.")
HEAD_TOO_LARGE = Refusal(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers_too_large",
    f"The URL and headers of the request are larger than {HEAD_BYTES // 1024} KiB.",
)
TOO_MANY_FIELDS = Refusal(
    HTTPStatus.BAD_REQUEST, "too_many_query_fields", f"The query of the URL has more than {QUERY_FIELDS:,} fields."
)
TOO_MANY_WAITING = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "too_many_waiting",
    f"More than {WAITING_REQUESTS} requests were pipelined on one connection.",
)
TOO_MANY_CONNECTIONS = Refusal(
    HTTPStatus.TOO_MANY_REQUESTS, "too_many_connections", "Too many connections from this address."
)
NO_ROOM = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "The server has no capacity for another connection.")
TOO_SLOW = Refusal(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "The request did not arrive in time.")
SHUTTING_DOWN = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "The server is restarting. Send the request again."
)
