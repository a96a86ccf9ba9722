"""Clients that send exactly the bytes a test says, and a web process whose log can be read."""

import os
import re
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType

from tests.support import forking
from tests.support.waiting import eventually
from tests.support.web import Process, WebServer, is_held_by

GET_STATIC_FILE = b"GET /static/favicon.svg HTTP/1.1\r\nHost: x\r\n"
POST_PASTE = b"POST /api/v1/pastes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def connect(web: WebServer, local_address: str = "") -> socket.socket:
    """A connection from this address; empty: from the usual one."""
    host, port = web.address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), source_address=(local_address, 0))
    connection.settimeout(60)
    return connection


def read_to_end(connection: socket.socket) -> bytes:
    """What the server sends until it closes; a reset is an end too."""
    received = bytearray()
    try:
        while data := connection.recv(1 << 20):
            received += data
    except ConnectionError:
        pass
    return bytes(received)


def read_answer(connection: socket.socket) -> Answer:
    """One answer with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _read_some(connection)
    head, _, _ = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    while len(received) < len(head) + 4 + length:
        received += _read_some(connection)
    [answer] = parse(received)
    return answer


def _read_some(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 20)
    assert data, "closed before the answer was complete"
    return data


def parse(data: bytes) -> list[Answer]:
    """The answers in what was received, each with a Content-Length or without a body."""
    answers = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        status_line, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        answers.append(Answer(int(status_line.split()[1]), headers, data[:length]))
        data = data[length:]
    return answers


def exchange(web: WebServer, *parts: bytes) -> list[Answer]:
    """Send the parts and take what comes until the server closes."""
    with connect(web) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except ConnectionError:
            pass
        return parse(read_to_end(connection))


def is_held(web: WebServer, port: int) -> bool:
    """Whether a process of the server has the connection that came from this local port."""
    return any(is_held_by(process, port) for process in web.processes if process.poll() is None)


def wait_until_held(web: WebServer, port: int) -> None:
    """The kernel accepts connections before the process does."""
    eventually(lambda: is_held(web, port), "a process that takes the connection")


def wait_until_left(web: WebServer, port: int, *, seconds: float) -> None:
    eventually(lambda: not is_held(web, port), "the end of the connection", seconds=seconds)


class LoggedWebServer(WebServer):
    """Keeps what its processes write."""

    def _start(self) -> Process:
        self._log_file()
        descriptor = self._listener.fileno()
        command = ("-m", "main_service", "serve", "--fd", str(descriptor))
        return forking.start(*command, environment=self._environment, stderr=self._log, pass_fds=[descriptor])

    def _log_file(self) -> None:
        """Opened with the first process, which is started before this class could prepare anything."""
        if self._log is None:
            self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end

    def log(self) -> str:
        # Not `seek`: the processes share its place in the file, and would write over what they have written.
        number = self._log.fileno()
        return os.pread(number, os.fstat(number).st_size, 0).decode()

    def __exit__(self, *arguments: object) -> None:
        super().__exit__()
        self._log.close()


ANSWER_SECONDS = 30


class PlainClient:
    """A client with one connection."""

    def __init__(self, server: WebServer) -> None:
        host, _, port = server.address.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS)

    def __enter__(self) -> "PlainClient":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._socket.close()

    def get(self, path: str) -> int:
        """Ask for a path; return the status of the answer."""
        return self._ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")[0]

    def create_link(self) -> str:
        """Create a link; return its key."""
        body = '{"original_url": "https://example.org/"}'
        head = "POST /api/v1/links HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        status, answer = self._ask(f"{head}Content-Length: {len(body)}\r\n\r\n{body}")
        assert status == 201, answer
        match = re.search(rb'"key":"(.*?)"', answer)
        assert match, answer
        return match[1].decode()

    def _ask(self, request: str) -> tuple[int, bytes]:
        self._socket.sendall(request.encode())
        answer = b""
        while not (head := re.search(rb"(?s) (\d+) .*\r\ncontent-length: (\d+)\r\n.*?\r\n\r\n", answer)):
            answer += self._receive()
        while len(answer) < head.end() + int(head[2]):
            answer += self._receive()
        return int(head[1]), answer

    def _receive(self) -> bytes:
        received = self._socket.recv(65536)
        assert received, "the connection was closed"
        return received


def without_varying(answer: Answer) -> Answer:
    """The answer without what differs between two that are the same: its time, and the id of its request."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    return Answer(answer.status, headers, answer.body)


def ask(web: WebServer, request: bytes) -> list[Answer]:
    return [without_varying(answer) for answer in exchange(web, request)]


def on_a_kept_connection(web: WebServer, *requests: bytes) -> list[Answer]:
    """Send the requests one after the other on one connection; their answers, without what varies."""
    with connect(web) as connection:
        answers = []
        for request in requests:
            connection.sendall(request)
            answers.append(without_varying(read_answer(connection)))
        return answers


def get_request(
    path: str, headers: bytes = b"", *, method: str = "GET", version: str = "1.1", body: bytes = b""
) -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n".encode() + headers + b"\r\n" + body
