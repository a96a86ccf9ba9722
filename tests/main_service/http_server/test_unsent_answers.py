"""Readers that take nothing of their answers share a budget, and other clients are answered all the same."""

import base64
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.support.engines import Environment
from tests.support.entries import create_paste
from tests.support.raw_http import LoggedWebServer, connect, parse, read_to_end

MEBIBYTE = 1024 * 1024
BUDGET_BYTES = 256 * MEBIBYTE
OVERHEAD_BYTES = 100 * MEBIBYTE
"""What making the answers takes."""
LARGE_READERS = 70
READERS = 160


@pytest.fixture
def web(environment: Environment) -> Iterator[LoggedWebServer]:
    with LoggedWebServer(environment) as server:
        yield server


def connect_idly(web: LoggedWebServer, request: bytes) -> socket.socket:
    """A client with little room for what it does not read."""
    host, port = web.address.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    connection.sendall(request)
    return connection


def peak_bytes(process: psutil.Process) -> int:
    """The most memory that it has ever had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def left_readers(process: psutil.Process) -> int:
    return len([each for each in process.net_connections("tcp") if each.raddr])


def test_readers_that_take_nothing_share_a_budget(web: LoggedWebServer) -> None:
    """The text of each is kept in its compressed form, and this one can't be made smaller."""
    text = base64.b64encode(random.Random(1).randbytes(7 * MEBIBYTE)).decode()
    key = create_paste(web.client, text=text)["key"]
    request = f"GET /{key}/raw HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    process = psutil.Process(web.processes[0].pid)
    before = process.memory_info().rss

    with ExitStack() as clients:
        for _ in range(LARGE_READERS):
            # One after the other: what is still being read from the store is not counted.
            clients.enter_context(connect_idly(web, request)).recv(100)
        with connect(web) as reader:
            reader.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            [answer] = parse(read_to_end(reader))

        assert (answer.status, answer.body) == (200, text.encode())
        assert peak_bytes(process) - before < BUDGET_BYTES + OVERHEAD_BYTES
        assert left_readers(process) < LARGE_READERS
    assert "More than 256 MiB of answers wait for their readers" in web.log()
    assert "Traceback" not in web.log()


@pytest.mark.parametrize("address", ["", "/raw"])
def test_160_readers_that_take_nothing_of_a_text_of_1_mib_fit_into_it(web: LoggedWebServer, address: str) -> None:
    """Its page has five times the size of the text, and is written as it is sent."""
    key = create_paste(web.client, text="a line of some words\n" * 49_000)["key"]
    request = f"GET /{key}{address} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n".encode()
    process = psutil.Process(web.processes[0].pid)
    before = process.memory_info().rss

    with ExitStack() as clients:
        idle = [clients.enter_context(connect_idly(web, request)) for _ in range(READERS)]
        assert all(connection.recv(100) for connection in idle)
        assert peak_bytes(process) - before < BUDGET_BYTES + OVERHEAD_BYTES
