"""Clients that send or read slowly, or not at all, and what the server does to them."""

import asyncio
import json
import select
import socket
import time

from tests.support.database import connected
from tests.support.entries import create_link
from tests.support.raw_http import (
    Answer,
    connect,
    parse,
    read_answer,
    read_to_end,
    wait_until_held,
    wait_until_left,
)
from tests.support.web import WebServer

LIMIT_SECONDS = 10
POST = b"POST /api/v1/pastes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
Outcome = tuple[float, bytes]
"""Seconds until the server closed the connection, and what it had sent.

They are counted from before the server can count: it has its time even where the client is held up meanwhile.
"""


def send_slowly(web: WebServer, start: bytes, piece: bytes) -> Outcome:
    """Send the piece again and again until the server closes."""
    began_at = time.monotonic()
    with connect(web) as connection:
        connection.sendall(start)
        received = trickle(connection, piece, began_at=began_at)
        return time.monotonic() - began_at, received


def trickle(connection: socket.socket, piece: bytes, *, began_at: float) -> bytes:
    received = b""
    while True:
        readable, _, _ = select.select([connection], [], [], 0.3)
        try:
            if readable and not (data := connection.recv(1 << 20)):
                break
            received += data if readable else b""
            if not readable:
                connection.sendall(piece)
        except ConnectionError:
            break
        assert time.monotonic() - began_at < 60, "held for ever"
    return received


def say_nothing(web: WebServer, start: bytes = b"") -> Outcome:
    began_at = time.monotonic()
    with connect(web) as connection:
        connection.sendall(start)
        received = read_to_end(connection)
        return time.monotonic() - began_at, received


def end_body_after_answer(web: WebServer) -> Outcome:
    """Silent after a body that went on for 5 s when its request was answered."""
    with connect(web) as connection:
        connection.sendall(b"POST /api/v1/unknown HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            time.sleep(0.5)
            began_at = time.monotonic()
            connection.sendall(b"a")
        received = read_to_end(connection)
        return time.monotonic() - began_at, received


def upload_honestly(web: WebServer) -> Answer:
    """Upload for longer than the 10 s that a body may send no bytes, at 1.5 times the slowest rate."""
    body = json.dumps({"text": "a" * 336 * 1024}).encode()
    with connect(web) as connection:
        connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 12 * 1024):
            connection.sendall(body[start : start + 12 * 1024])
            time.sleep(0.5)
        return read_answer(connection)


def wait_before_continue(web: WebServer) -> Answer:
    body = b'{"text": "waited"}'
    with connect(web) as connection:
        connection.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        time.sleep(5)
        connection.sendall(body)
        return read_answer(connection)


def read_nothing(web: WebServer, address: str, headers: bytes = b"") -> float:
    """How long a client is kept that never reads its answer, which fits into no buffer of the system."""
    began_at = time.monotonic()
    with connect(web) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        connection.sendall(f"GET {address} HTTP/1.1\r\nHost: x\r\n".encode() + headers + b"\r\n")
        wait_until_held(web, connection.getsockname()[1])
        wait_until_left(web, connection.getsockname()[1], seconds=60)
        return time.monotonic() - began_at


def read_late(web: WebServer, address: str) -> bytes:
    """What stands in an answer that had begun when the request's body became too slow."""
    with connect(web) as connection:
        connection.sendall(
            f"GET {address} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nContent-Length: 9\r\n\r\na".encode()
        )
        time.sleep(LIMIT_SECONDS + 3)
        return read_to_end(connection)


def wait_behind_others(web: WebServer, database_url: str, *, is_asked: bool) -> list[Answer]:
    """A body that we do not read for 20 s, because four requests before it wait for a row.

    `is_asked`: the client sends it only when it is asked for it, as curl does.
    """
    with web.new_client() as client:
        link = create_link(client)
    patch = (
        f"PATCH /api/v1/entries/{link['key']} HTTP/1.1\r\nHost: x\r\nX-Manage-Token: {link['manage_token']}\r\n"
        'Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{"title": "b"}'
    ).encode()
    body = json.dumps({"text": "a" * 105_000}).encode()

    def talk() -> list[Answer]:
        with connect(web) as connection:
            expect = b"Expect: 100-continue\r\n" if is_asked else b""
            head = POST + expect + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
            connection.sendall(patch * 4 + head)
            received = b""
            while is_asked and b"HTTP/1.1 100 Continue\r\n\r\n" not in received:
                data = connection.recv(1000)
                assert data, "never asked"
                received += data
            received = received.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
            # The first piece is more than the app's buffer takes; the rest we read only when each request has ended.
            connection.sendall(body[:70_000])
            for start in range(70_000, len(body), 1000):
                connection.sendall(body[start : start + 1000])
                time.sleep(0 if is_asked else 0.5)
            return parse(received + read_to_end(connection))

    async def talk_beside_lock() -> list[Answer]:
        async with connected(database_url) as database, database.transaction():
            await database.execute("SELECT 1 FROM entry WHERE key = $1 FOR UPDATE", link["key"])
            return await asyncio.to_thread(talk)

    return asyncio.run(talk_beside_lock())
