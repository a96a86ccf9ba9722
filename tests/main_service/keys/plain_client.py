"""A client that costs next to nothing, so that tens of thousands of requests are soon done."""

import re
import socket
from types import TracebackType

from tests.support.web import WebServer

ANSWER_SECONDS = 30


class PlainClient:
    """One connection."""

    def __init__(self, server: WebServer) -> None:
        host, _, port = server.address.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS)

    def __enter__(self) -> "PlainClient":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._socket.close()

    def get(self, path: str) -> int:
        """The status."""
        return self._ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")[0]

    def create_link(self) -> str:
        """Its key."""
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
