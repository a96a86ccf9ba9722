"""What the gateway answers by itself: when no web process does, and what is not HTTP."""

import json
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from threading import Thread

import pytest

from deploy.gateway.error_pages import ERRORS
from tests.support.engines import temporary_folder
from tests.support.gateway import Gateway
from tests.support.raw_http import connect, parse, read_to_end
from tests.support.waiting import eventually
from tests.support.web import WebServer

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


class CountingServer:
    """Takes connections, notes what is sent, and closes each at once or, if it `hangs`, never answers."""

    def __init__(self, *, hangs: bool) -> None:
        self._hanging: list[socket.socket] | None = [] if hangs else None
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if data := connection.recv(65536):
                self.requests.append(data)
            if self._hanging is None:
                connection.close()
            else:
                self._hanging.append(connection)

    def close(self) -> None:
        self._listener.close()
        for connection in self._hanging or []:
            connection.close()

    @property
    def client(self) -> "CountingServer":
        return self

    database_url = ""


@contextmanager
def counting_servers(*, hang: bool = False) -> Iterator[list[CountingServer]]:
    servers = [CountingServer(hangs=hang) for _ in range(2)]
    try:
        yield servers
    finally:
        for server in servers:
            server.close()


@contextmanager
def unreachable_server() -> Iterator[str]:
    """An address where no connection comes about nor is refused, as that of a container that has just ended."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(3):
            # The queue of those who wait is full.
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            with suppress(BlockingIOError):
                waiting.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass(frozen=True)
class Address:
    """What `Gateway` needs of a server."""

    address: str
    database_url: str = ""

    @property
    def client(self) -> "Address":
        return self


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_could_not_be_sent_is_sent_to_another_web_process(nginx: str, method: str, web: WebServer) -> None:
    with (
        unreachable_server() as unreachable,
        temporary_folder() as folder,
        Gateway(folder / "gateway", [Address(unreachable), web]) as gateway,
    ):
        answers = [gateway.client.request(method, "/health/live") for _ in range(4)]

    assert [answer.is_success for answer in answers] == [True] * 4


@pytest.fixture(scope="module")
def unserved(nginx: str) -> Iterator[Gateway]:
    with temporary_folder() as folder, Gateway(folder / "gateway", []) as gateway:
        yield gateway


def test_a_browser_gets_a_page_when_no_web_process_is_there(unserved: Gateway) -> None:
    answer = unserved.client.get("/some-key?with=query", headers=BROWSER)

    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert answer.headers["retry-after"] == "5"
    assert "<h1>Slipbin isn&#39;t running right now, or is just starting</h1>" in answer.text
    assert "502 Bad Gateway" in answer.text
    assert "nginx" not in answer.text
    # It needs no other file, because nobody is there to send one, and its policy allows its style alone.
    assert not re.search(r"<(script|img|link)|url\(|@import", answer.text)
    style = re.search(r"<style>(.*)</style>", answer.text, re.DOTALL)[1]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert '<meta name="color-scheme" content="light dark">' in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(("path", "accept"), [("/some-key", "*/*"), ("/api/v1/links", BROWSER["Accept"])])
def test_a_program_gets_a_problem(unserved: Gateway, method: str, path: str, accept: str) -> None:
    answer = unserved.client.request(method, path, headers={"Accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (502, "application/problem+json")
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Gateway",
        "status": 502,
        "detail": "Slipbin isn't running right now, or is just starting.",
        "code": "unavailable",
        "errors": [],
    }


def test_files_of_the_pages_are_no_addresses(unserved: Gateway) -> None:
    # An address of its own like any other, which is passed on.
    assert unserved.client.get("/.gateway/400.json").status_code == 502


@pytest.mark.parametrize("headers", [{}, BROWSER])
def test_every_error_has_its_page_with_the_headers_of_the_product(unserved: Gateway, headers: dict[str, str]) -> None:
    answer = unserved.client.get("/", headers=headers)

    assert {name: answer.headers[name] for name in ("referrer-policy", "x-content-type-options", "cache-control")} == {
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    for error in ERRORS:
        assert json.loads((unserved.folder / f"pages/{error.status}.json").read_text())["status"] == error.status
        assert (unserved.folder / f"pages/{error.status}.html").exists()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x00", HTTPStatus.BAD_REQUEST),
        (b"GET / HTTP/1.1\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", HTTPStatus.BAD_REQUEST),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", HTTPStatus.METHOD_NOT_ALLOWED),
    ],
)
def test_what_is_no_request_is_refused_in_our_words(unserved: Gateway, sent: bytes, status: HTTPStatus) -> None:
    with connect(unserved) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        [answer, *_] = parse(read_to_end(connection))

    problem = json.loads(answer.body)
    assert (answer.status, problem["status"]) == (status, status)


def test_http_on_the_port_of_https_is_refused_in_our_words(unserved: Gateway) -> None:
    with unserved.new_client() as client:
        answer = client.get(unserved.tls_address.replace("https", "http"))

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("method", "times"), [("GET", 4), ("HEAD", 4), ("POST", 1), ("PATCH", 1), ("PUT", 1), ("DELETE", 1)]
)
def test_only_what_changes_nothing_is_sent_again(nginx: str, method: str, times: int) -> None:
    with counting_servers() as servers, temporary_folder() as folder, Gateway(folder / "g", servers) as gateway:
        answer = gateway.client.request(method, "/some-key", headers={"Accept": "application/json"})

    sent = [request for server in servers for request in server.requests]
    assert (answer.status_code, len(sent)) == (502, times)


HOSTILE = {
    "X-Forwarded-For": "203.0.113.66",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Proto": "https",
    "Forwarded": "for=203.0.113.66;host=evil.example;proto=https",
    "X-Real-IP": "203.0.113.66",
    "X_Forwarded_For": "203.0.113.66",
    "X-Slipbin-Forwarded-For": "203.0.113.66, 10.0.0.1",
    "X-Request-ID": "chosen-by-a-client",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "evil=1",
}


@pytest.mark.parametrize("is_from_proxy", [False, True])
def test_what_only_proxies_may_say_comes_from_proxies_alone(nginx: str, is_from_proxy: bool) -> None:
    settings = {"MAIN_TRUSTED_PROXIES": "127.0.0.1" if is_from_proxy else ""}
    with (
        counting_servers() as servers,
        temporary_folder() as folder,
        Gateway(folder / "g", servers, settings=settings) as gateway,
    ):
        gateway.client.post("/api/v1/links", headers=HOSTILE)

    [request] = [request for server in servers for request in server.requests]
    lines = [line.partition(": ") for line in request.decode().split("\r\n\r\n")[0].split("\r\n")[1:]]
    said = {name.lower(): value for name, _, value in lines}
    told = {"x-forwarded-for": "203.0.113.66" if is_from_proxy else "127.0.0.1", "x-forwarded-proto": "http"}
    # Whom and what was sent, for web processes to notice proxies that are not named.
    told["x-slipbin-forwarded-for"] = "203.0.113.66, 127.0.0.1"
    if is_from_proxy:
        told |= {name: HOSTILE[name] for name in ("traceparent", "tracestate")}
    assert {name: value for name, value in said.items() if name in {each.lower() for each in HOSTILE}} == told


def test_behind_a_single_address_another_process_is_asked(nginx: str) -> None:
    with counting_servers() as servers, temporary_folder() as folder, Gateway(folder / "g", servers[:1]) as gateway:
        gateway.client.get("/some-key")

    assert len(servers[0].requests) == 2


def test_nothing_is_sent_again_after_a_time_out(nginx: str) -> None:
    soon = {"proxy_read_timeout 30s": "proxy_read_timeout 100ms"}
    with (
        counting_servers(hang=True) as servers,
        temporary_folder() as folder,
        Gateway(folder / "g", servers, changes=soon) as gateway,
    ):
        answer = gateway.client.get("/some-key", headers=BROWSER)

    assert answer.status_code == 504
    assert "504 Gateway Timeout" in answer.text
    assert sum(len(server.requests) for server in servers) == 1


def test_lines_of_the_log_say_who_asked_and_what_was_answered(unserved: Gateway, tmp_path: Path) -> None:
    unserved.client.get("/docs/logged-once")

    line = unserved.logged("/docs/logged-once")
    assert (line["client"], line["method"], line["status"]) == ("127.0.0.1", "GET", 502)
    assert line["seconds"] >= 0
    eventually(lambda: unserved.log() == "" or "crit" not in unserved.log(), "no noise")
