"""A client that closes its sending half (`nc -N`, `printf … | socat`) gets what it has asked for."""

import socket

import pytest

from tests.support.entries import create_link, create_paste
from tests.support.raw_http import connect, parse, read_to_end
from tests.support.web import WebServer

GET = b"GET /api/v1/unknown HTTP/1.1\r\nHost: x\r\n\r\n"
BODY = b'{"original_url": "https://example.org/"}'
POST = b"POST /api/v1/links HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def statuses(web: WebServer, sent: bytes) -> list[int]:
    """The status codes that a client gets which sends everything at once and then closes its sending half."""
    with connect(web) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return [answer.status for answer in parse(read_to_end(connection))]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (GET, [404]),
        (GET * 3, [404] * 3),
        (POST + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY, [201]),
        (GET + POST + b"Content-Length: 90\r\n\r\n" + BODY, [404]),
        (GET + b"GET / HTT", [404]),
        (GET + b"nonsense\r\n\r\n", [404, 400]),
        (POST + b"Content-Length: 90\r\n\r\n" + BODY, []),
        (b"GET / HTT", []),
        (b"", []),
    ],
    ids=["one", "three", "body", "cut off behind another", "half a head", "refused", "cut off", "head", "nothing"],
)
def test_whole_requests_are_answered_and_the_connection_is_closed(
    web: WebServer, sent: bytes, expected: list[int]
) -> None:
    assert statuses(web, sent) == expected


def test_readers_of_the_fast_path_are_answered(web: WebServer) -> None:
    link, paste = create_link(web.client)["key"], create_paste(web.client)["key"]
    for _ in range(2):
        # First by way of FastAPI, then from the cached entry that it made.
        assert statuses(web, f"GET /{link} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) == [302]
        assert statuses(web, f"GET /{paste}/raw HTTP/1.1\r\nHost: x\r\n\r\n".encode()) == [200]


def test_long_answer_is_sent_to_its_end(web: WebServer) -> None:
    text = "a line\n" * 1_000_000
    key = create_paste(web.client, text=text)["key"]
    with connect(web) as connection:
        connection.sendall(f"GET /{key}/raw HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        connection.shutdown(socket.SHUT_WR)
        [answer] = parse(read_to_end(connection))
    assert answer.body == text.encode()
