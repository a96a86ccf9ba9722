"""No bytes make the gateway and a web process see different requests."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from uuid import uuid4

import pytest

from tests.support.engines import Environment, temporary_folder
from tests.support.gateway import TRUSTED, ContainedWebServer, Gateway
from tests.support.raw_http import GET_STATIC_FILE, connect, exchange, parse, read_answer, read_to_end

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(headers: bytes, body: bytes) -> bytes:
    return b"POST /api/v1/links HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + headers + b"\r\n" + body


CHUNKED = b"Transfer-Encoding: chunked\r\n"
SHAPES = {
    "length and chunks": post(b"Content-Length: 4\r\n" + CHUNKED, b"0\r\n\r\n"),
    "chunks and length": post(CHUNKED + b"Content-Length: 4\r\n", b"0\r\n\r\n"),
    "two lengths": post(b"Content-Length: 0\r\nContent-Length: 44\r\n", b""),
    "two equal lengths": post(b"Content-Length: 2\r\nContent-Length: 2\r\n", b"{}"),
    "list of lengths": post(b"Content-Length: 0, 44\r\n", b""),
    "length with a sign": post(b"Content-Length: +2\r\n", b"{}"),
    "negative length": post(b"Content-Length: -1\r\n", b""),
    "length in hexadecimal": post(b"Content-Length: 0x2\r\n", b"{}"),
    "folded header": post(b"X-Folded: a\r\n Content-Length: 44\r\n", b""),
    "folded encoding": post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
    "other encoding": post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "unknown encoding": post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "two encodings": post(CHUNKED + CHUNKED, b"0\r\n\r\n"),
    "encoding with a tab": post(b"Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n"),
    "encoding before a space": post(b"Transfer-Encoding : chunked\r\nContent-Length: 0\r\n", b""),
    "encoding without a colon": post(b"Content-Length: 2\r\nTransfer-Encoding\r\n", b"{}"),
    "encoding in HTTP/1.0": post(CHUNKED, b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "size with a sign": post(CHUNKED, b"-1\r\n\r\n"),
    "huge size": post(CHUNKED, b"ffffffffffffffff1\r\n{}\r\n0\r\n\r\n"),
    "size in no hexadecimal": post(CHUNKED, b"0x2\r\n{}\r\n0\r\n\r\n"),
    "chunk that is longer than it says": post(CHUNKED, b"1\r\n{}\r\n0\r\n\r\n"),
    "line end in the extension of a chunk": post(CHUNKED, b'2;a="\nb"\r\n{}\r\n0\r\n\r\n'),
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host with a NUL": b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "header with a NUL": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "HTTP/2.7": b"GET / HTTP/2.7\r\nHost: x\r\n\r\n",
    "bare carriage return": b"GET / HTTP/1.1\rHost: x\r\n\r\n",
}
HARMLESS = {
    # nginx takes such a line for a header with an empty value.
    "header without a colon": GET_STATIC_FILE + b"Nothing\r\n\r\n",
    "trailer": post(CHUNKED, b"2\r\n{}\r\n0\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n"),
    "body of a GET": b"GET /static/favicon.svg HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /",
    "absolute address": b"GET http://evil.example/static/favicon.svg HTTP/1.1\r\nHost: x\r\n\r\n",
    "upgrade": b"GET /static/favicon.svg HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    "header named by Connection": GET_STATIC_FILE + b"Connection: X-Forwarded-For, Host\r\n\r\n",
}


class RecordingServer:
    """Stands in for a web process: answers whatever looks like the end of a head, and keeps all that it is sent."""

    database_url = ""

    def __init__(self) -> None:
        self.received = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def client(self) -> "RecordingServer":
        return self

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            while data := connection.recv(65536):
                self.received += data
                if b"\r\n\r\n" in data:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def recorder() -> Iterator[RecordingServer]:
    with closing(RecordingServer()) as server:
        yield server


@pytest.fixture(scope="module")
def recorded(nginx: str, recorder: RecordingServer) -> Iterator[Gateway]:
    with temporary_folder() as folder, Gateway(folder / "gateway", [recorder]) as started:
        yield started


@pytest.fixture(scope="module")
def one(nginx: str, environment: Environment) -> Iterator[Gateway]:
    with (
        ContainedWebServer(environment | TRUSTED) as web,
        temporary_folder() as folder,
        Gateway(folder / "gateway", [web]) as started,
    ):
        yield started


def passed_on(gateway: Gateway, recorder: RecordingServer, sent: bytes) -> tuple[bytes, bytes]:
    """What is answered until the connection ends, and what the web process was sent of it."""
    before = len(recorder.received)
    with connect(gateway) as connection:
        connection.sendall(sent)
        answered = read_to_end(connection)
    # It comes after all that was sent before.
    last = f"GET /last-{uuid4()} HTTP/1.1\r\n".encode()
    exchange(gateway, last + b"Host: x\r\nConnection: close\r\n\r\n")
    return answered, recorder.received[before:].partition(last)[0]


@pytest.mark.parametrize("shape", SHAPES)
def test_ambiguous_requests_are_refused_and_what_follows_is_not_read(
    recorded: Gateway, recorder: RecordingServer, shape: str
) -> None:
    answered, sent = passed_on(recorded, recorder, SHAPES[shape] + SMUGGLED)

    assert [answer.status for answer in parse(answered)] == [400]
    assert sent == b""


def test_request_of_http_0_9_goes_on_as_one_of_http_1_1_and_is_the_last(
    recorded: Gateway, recorder: RecordingServer
) -> None:
    answered, sent = passed_on(recorded, recorder, b"GET /\r\n" + SMUGGLED)

    assert answered == b"ok"
    assert sent.startswith(b"GET / HTTP/1.1\r\nHost: slipbin.test\r\n")
    assert b"smuggled" not in sent


@pytest.mark.parametrize("shape", HARMLESS)
def test_of_odd_requests_nothing_goes_on_that_web_processes_could_take_otherwise(
    recorded: Gateway, recorder: RecordingServer, shape: str
) -> None:
    answered, sent = passed_on(recorded, recorder, HARMLESS[shape] + SMUGGLED)

    assert [answer.status for answer in parse(answered)] == [200, 200]
    head, _, _ = sent.partition(b"\r\n\r\n")
    _, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert (headers["host"], headers["x-forwarded-for"]) == ("x", "127.0.0.1")
    assert headers.keys().isdisjoint({"connection", "upgrade", "te", "trailer"})
    assert headers.get("nothing", "") == ""
    # One way to tell where it ends.
    assert len(headers.keys() & {"content-length", "transfer-encoding"}) <= 1
    assert b"203.0.113.1" not in sent


@pytest.mark.parametrize("shape", HARMLESS)
def test_odd_requests_end_where_they_say(one: Gateway, shape: str) -> None:
    with connect(one) as connection:
        connection.sendall(HARMLESS[shape])
        first = read_answer(connection)
        connection.sendall(GET_STATIC_FILE + b"\r\n")
        second = read_answer(connection)

    assert first.status == (422 if HARMLESS[shape].startswith(b"POST") else 200), first
    assert (second.status, second.headers["content-type"]) == (200, "image/svg+xml")
    assert_next_client_gets_its_own(one)


def assert_next_client_gets_its_own(gateway: Gateway) -> None:
    """No bytes of before wait on a connection between the gateway and the web process."""
    with gateway.new_client() as client:
        for _ in range(3):
            answer = client.get("/static/favicon.svg")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
