"""No bytes make the gateway and a web process see different requests."""

import socket
from collections.abc import Iterator

import pytest

from tests.support.engines import Environment, temporary_folder
from tests.support.gateway import TRUSTED, ContainedWebServer, Gateway
from tests.support.raw_http import GET_STATIC_FILE, connect, read_answer, read_to_end

SMUGGLED = b"GET /smuggled-%d HTTP/1.1\r\nHost: x\r\n\r\n"


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
    "header without a colon": b"GET / HTTP/1.1\r\nHost: x\r\nNothing\r\n\r\n",
    "header with a NUL": b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "HTTP/2.7": b"GET / HTTP/2.7\r\nHost: x\r\n\r\n",
    "bare carriage return": b"GET / HTTP/1.1\rHost: x\r\n\r\n",
}
HARMLESS = {
    "trailer": post(CHUNKED, b"2\r\n{}\r\n0\r\nX-Forwarded-For: 203.0.113.1\r\n\r\n"),
    "body of a GET": b"GET /static/favicon.svg HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /",
    "absolute address": b"GET http://evil.example/static/favicon.svg HTTP/1.1\r\nHost: x\r\n\r\n",
    "upgrade": b"GET /static/favicon.svg HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
    "header named by Connection": GET_STATIC_FILE + b"Connection: X-Forwarded-For, Host\r\n\r\n",
}


@pytest.fixture(scope="module")
def logged_web(nginx: str, environment: Environment) -> Iterator[ContainedWebServer]:
    with ContainedWebServer(environment | TRUSTED) as web:
        yield web


@pytest.fixture(scope="module")
def one(logged_web: ContainedWebServer) -> Iterator[Gateway]:
    with temporary_folder() as folder, Gateway(folder / "gateway", [logged_web]) as started:
        yield started


def answers_to(gateway: Gateway, sent: bytes) -> bytes:
    with connect(gateway) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return read_to_end(connection)


@pytest.mark.parametrize("shape", SHAPES)
def test_ambiguous_requests_are_refused_and_what_follows_is_not_read(one: Gateway, shape: str) -> None:
    received = answers_to(one, SHAPES[shape] + SMUGGLED % list(SHAPES).index(shape))

    statuses = [int(line.split()[1]) for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert len(statuses) <= 1 or statuses[0] >= 400, received
    assert all(status >= 400 for status in statuses), received
    assert_next_client_gets_its_own(one)


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
