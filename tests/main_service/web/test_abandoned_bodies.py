"""Large bodies that are refused and uploads that break off leave nothing in memory."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psutil
import pytest

from tests.support.engines import Environment
from tests.support.entries import create_paste, manage_headers
from tests.support.raw_http import LoggedWebServer, connect, read_answer, wait_until_left

MEBIBYTE = 1024 * 1024
TEXT = b"a" * (19 * MEBIBYTE // 2)
BEFORE = "Origin: null\r\nCookie: slipbin_form=x"
"""So a form of the previous release comes; its body is read for a token."""
TIMES = 200
"""How many large bodies are sent, of each kind in turn."""


@dataclass(frozen=True)
class Upload:
    head: str
    body: bytes
    status: int

    @property
    def request(self) -> bytes:
        return f"{self.head}\r\nHost: x\r\nContent-Length: {len(self.body)}\r\n\r\n".encode() + self.body


@pytest.fixture
def web(environment: Environment) -> Iterator[LoggedWebServer]:
    with LoggedWebServer(environment) as server:
        yield server


@pytest.fixture
def uploads(web: LoggedWebServer) -> list[Upload]:
    entry = create_paste(web.client)
    token = manage_headers(entry)["X-Manage-Token"]
    json = "HTTP/1.1\r\nContent-Type: application/json"
    create = f"POST /api/v1/pastes {json}"
    patch = f"PATCH /api/v1/entries/{entry['key']} {json}"
    form = "POST /pastes HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x"
    field = b'--x\r\nContent-Disposition: form-data; name="text"'
    return [
        Upload(create, b'{"text": "' + TEXT, 422),
        Upload(create, b'{"unknown": "' + TEXT + b'"}', 422),
        Upload(create, b'{"text": "' + TEXT + b'\\ud800"}', 422),
        Upload(f"{patch}\r\nX-Manage-Token: {token}", b'{"text": "' + TEXT, 422),
        Upload(f"{patch}\r\nX-Manage-Token: wrong", b'{"text": "' + TEXT + b'"}', 403),
        Upload("POST /pastes HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded", b"text=" + TEXT, 413),
        Upload(f"{form}\r\nOrigin: http://foreign.test", field + b"\r\n\r\n" + TEXT, 403),
        Upload(f"{form}\r\n{BEFORE}", field + b"\r\n\r\n" + TEXT, 403),
        Upload(f"{form}\r\n{BEFORE}", field + b"\r\n\r\n" + TEXT + b"\r\n--x--\r\n", 403),
        Upload(f"{form}\r\n{BEFORE}", field + b"\r\n\r\n" + TEXT + b"\xff\r\n--x--\r\n", 403),
        Upload(form, field + b"\r\n\r\n" + TEXT + b"\xff\r\n--x--\r\n", 422),
        Upload(form, field + b'; filename="a"\r\n\r\n' + TEXT + b"\r\n--x--\r\n", 422),
    ]


def test_refused_bodies_leave_nothing(web: LoggedWebServer, uploads: list[Upload]) -> None:
    def refuse(upload: Upload) -> int:
        with connect(web) as connection:
            connection.sendall(upload.request)
            assert read_answer(connection).status == upload.status
            return local_port(connection)

    assert_nothing_stays(web, uploads, refuse)


def test_uploads_that_break_off_leave_nothing(web: LoggedWebServer, uploads: list[Upload]) -> None:
    def break_off(upload: Upload) -> int:
        with connect(web) as connection:
            connection.sendall(upload.request[:-1])
            return local_port(connection)

    assert_nothing_stays(web, uploads, break_off)
    assert "Traceback" not in web.log()


def local_port(connection: socket.socket) -> int:
    port: int = connection.getsockname()[1]
    return port


def assert_nothing_stays(web: LoggedWebServer, uploads: list[Upload], send: Callable[[Upload], int]) -> None:
    """`send`: returns the local port of its connection."""
    [process] = web.processes
    for upload in uploads:
        wait_until_left(web, send(upload), seconds=60)
    before = psutil.Process(process.pid).memory_info().rss
    for number in range(TIMES):
        port = send(uploads[number % len(uploads)])
    # A client that is gone is noticed at the end of what it has sent.
    wait_until_left(web, port, seconds=60)
    assert psutil.Process(process.pid).memory_info().rss - before < 100 * MEBIBYTE
