"""What the gateway answers by itself: when no web process does, and what is not HTTP."""

import json
import re
import socket
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from threading import Barrier, Thread

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
    assert '<a class="button primary" href="">Try again</a>' in answer.text
    assert "nginx" not in answer.text
    # It needs no other file, because no web process is there to send one, and its policy allows its style alone.
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


def test_curl_gets_a_line_but_for_the_api_a_problem(unserved: Gateway) -> None:
    curl = {"User-Agent": "curl/8.14.1"}
    answer = unserved.client.get("/some-key", headers=curl)
    asked_for_json = unserved.client.get("/some-key", headers=curl | {"Accept": "application/json"})
    of_the_api = unserved.client.get("/api/v1/links", headers=curl)

    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/plain; charset=utf-8")
    assert answer.text.startswith("Error 502: Slipbin isn't running right now, or is just starting. ")
    assert answer.text.endswith(".\n")
    for other in (asked_for_json, of_the_api):
        assert (other.status_code, other.headers["content-type"]) == (502, "application/problem+json")


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


def test_a_refusal_arrives_however_the_request_is_cut_into_packets(unserved: Gateway) -> None:
    # What is sent while nginx reads is what it may take for read already. One of twenty met that moment.
    request = b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    for cut in range(5_000, 32_000, 50):
        with connect(unserved) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(request[:cut])
            connection.sendall(request[cut:])
            connection.shutdown(socket.SHUT_WR)
            [answer, *_] = parse(read_to_end(connection))
        assert answer.status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


def test_http_on_the_port_of_https_is_refused_in_our_words(unserved: Gateway) -> None:
    with unserved.new_client() as client:
        answer = client.get(unserved.tls_address.replace("https", "http"))

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


@pytest.mark.parametrize(
    ("method", "path", "times"),
    [
        ("GET", "/some-key", 6),
        ("GET", "/some-key?action=shorturl", 6),
        ("HEAD", "/some-key", 6),
        ("POST", "/some-key", 1),
        ("PATCH", "/some-key", 1),
        ("PUT", "/some-key", 1),
        ("DELETE", "/some-key", 1),
        ("GET", "/yourls-api.php?action=shorturl&url=https://example.org/", 1),
        ("GET", "/yourls%2Dapi.php?action=shorturl&url=https://example.org/", 1),
    ],
)
def test_only_what_changes_nothing_is_sent_again(nginx: str, method: str, path: str, times: int) -> None:
    with counting_servers() as servers, temporary_folder() as folder, Gateway(folder / "g", servers) as gateway:
        answer = gateway.client.request(method, path, headers={"Accept": "application/json"})

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

    assert len(servers[0].requests) == 3


class OnceAnsweringServer(CountingServer):
    """Answers the first request of each connection, once `kept` of them have come, and closes at the second."""

    def __init__(self, *, kept: int) -> None:
        self._met = Barrier(kept)
        self._is_over = False
        super().__init__(hangs=False)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                Thread(target=self._answer_once, args=self._listener.accept()[:1], daemon=True).start()

    def _answer_once(self, connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            if not self._is_over:
                self._met.wait()
                self._is_over = True
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            self.requests.append(connection.recv(65536))


def test_kept_connections_of_a_process_that_ended_fail_nothing(nginx: str) -> None:
    kept = 6
    with (
        closing(OnceAnsweringServer(kept=kept)) as server,
        temporary_folder() as folder,
        Gateway(folder / "g", [server]) as gateway,
        ThreadPoolExecutor(kept) as crowd,
    ):
        for _ in crowd.map(gateway.client.get, ["/some-key"] * kept):
            pass
        answer = gateway.client.get("/some-key")

    assert (answer.status_code, answer.text) == (200, "ok")
    assert server.requests.count(b"") < kept, "no connection was used again"


def test_nothing_is_sent_again_after_a_time_out(nginx: str) -> None:
    soon = {"proxy_read_timeout 30s": "proxy_read_timeout 100ms"}
    with (
        counting_servers(hang=True) as servers,
        temporary_folder() as folder,
        Gateway(folder / "g", servers, changes=soon) as gateway,
    ):
        answer = gateway.client.get("/some-key", headers=BROWSER)
        eventually(lambda: sum(len(server.requests) for server in servers), "the request, which no server answers")

    assert answer.status_code == 504
    assert "504 Gateway Timeout" in answer.text
    assert sum(len(server.requests) for server in servers) == 1


def test_lines_of_the_log_say_who_asked_and_what_was_answered(unserved: Gateway, tmp_path: Path) -> None:
    unserved.client.get("/docs/logged-once")

    line = unserved.logged("/docs/logged-once")
    assert (line["client"], line["method"], line["status"]) == ("127.0.0.1", "GET", 502)
    assert line["seconds"] >= 0
    eventually(lambda: unserved.log() == "" or "crit" not in unserved.log(), "no noise")


SITES = "https://app.example.org,http://localhost:5173"


@pytest.fixture(scope="module")
def listing_gateway(nginx: str) -> Iterator[Gateway]:
    """A gateway alone, whose answers scripts of two sites may read. It is sure of its https, where it leads to."""
    settings = {"MAIN_CORS_ORIGINS": SITES}
    with temporary_folder() as folder, Gateway(folder / "gateway", [], settings=settings) as gateway:
        yield gateway


def readable_for(gateway: Gateway, origin: str | None) -> list[str | None]:
    """Whose scripts may read: what no web process answers, what is too large, and what is not HTTP."""
    said = f"Origin: {origin}\r\n" if origin else ""
    unserved = gateway.client.post("/api/v1/pastes", headers={"Origin": origin} if origin else {}, json={})
    found = [unserved.headers.get("access-control-allow-origin")]
    for wrong in (f"X: {'a' * 40_000}", "Transfer-Encoding: gzip"):
        with connect(gateway) as connection:
            connection.sendall(f"POST /api/v1/pastes HTTP/1.1\r\nHost: x\r\n{said}{wrong}\r\n\r\n".encode())
            connection.shutdown(socket.SHUT_WR)
            [answer, *_] = parse(read_to_end(connection))
        found.append(answer.headers.get("access-control-allow-origin"))
    return found


def test_scripts_of_other_sites_may_read_what_they_may_of_web_processes(
    unserved: Gateway, listing_gateway: Gateway
) -> None:
    assert readable_for(unserved, "https://app.example.org") == readable_for(unserved, None) == ["*"] * 3
    assert "Retry-After" in unserved.client.get("/api/v1/entries/key").headers["access-control-expose-headers"]
    for site in SITES.split(","):
        assert readable_for(listing_gateway, site) == [site] * 3
    assert readable_for(listing_gateway, "https://app.example.org.evil.test") == [None] * 3
    assert listing_gateway.client.get("/api/v1/entries/key").headers["vary"] == "Origin"


def test_no_site_may_read_where_none_is_allowed(nginx: str) -> None:
    settings = {"MAIN_CORS_ORIGINS": "none"}
    with temporary_folder() as folder, Gateway(folder / "gateway", [], settings=settings) as gateway:
        assert readable_for(gateway, "https://app.example.org") == [None] * 3
