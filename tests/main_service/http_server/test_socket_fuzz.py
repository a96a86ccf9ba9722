"""Raw bytes at the socket, from honest to absurd: the same process goes on serving, and nothing of them stays."""

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.raw_http import LoggedWebServer, connect

CONNECTIONS = 600
MEBIBYTE = 1024 * 1024
SETTLE_SECONDS = 30

VALID = [
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /static/favicon.svg HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\nRange: bytes=0-5\r\n\r\n",
    b"HEAD /docs HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
    b"GET /api/v1/entries/unknown HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"POST /api/v1/links HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n"
    b'{"original_url": "https://example.org/"}',
    b"POST /api/v1/pastes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'5\r\n{"tex\r\n9;a=b\r\nt": "ab"}\r\n0\r\nX-Trailer: a\r\n\r\n',
    b"POST /links HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    b"Content-Length: 3\r\n\r\na=b",
    b"POST /pastes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    b'Content-Length: 66\r\n\r\n--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nsome\r\n--x--\r\n\r\n',
    b"DELETE /api/v1/entries/unknown HTTP/1.1\r\nHost: x\r\nX-Manage-Token: a\r\nContent-Length: 0\r\n\r\n",
]
FRAGMENTS = [
    *(b"\r\n", b"\n", b"\r", b"\x00", b" ", b"\t", b": ", b"\xff", b"%00", b"%ff", b"\r\n ", b"\r\n\r\n", b"/" * 300),
    *(
        b"GET ",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b" HTTP/9.9",
        b"HTTP/1.0",
        b"//",
        b"?" * 99,
    ),
    *(b"Content-Length: 0\r\n", b"Content-Length: 3\r\n", b"Content-Length: -1\r\n", b"Content-Length: 9999999999\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"transfer-encoding : chunked\r\n"),
    *(b"ffffffff\r\n", b"ffffffffffffffffff\r\n", b"0\r\n\r\n", b"1;" + b"a" * 999, b"-1\r\n"),
    *(b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: websocket\r\n", b"Expect: 100-continue\r\n"),
    *(b"Host: \r\n", b"Cookie: " + b"a=b; " * 500 + b"\r\n", b"X: " + b"a" * 40_000, b"{" * 1000, b'"\\ud800"'),
]


def talk(chance: random.Random) -> list[bytes]:
    """What one client sends, in pieces."""
    if chance.random() < 0.1:
        data = chance.randbytes(chance.choice((1, 20, 5000, 100_000)))
    else:
        data = b"".join(chance.choices(VALID, k=chance.choice((1, 1, 2, 5))))
        for _ in range(chance.choice((0, 1, 1, 2, 8))):
            data = mutated(data, chance)
    cuts = sorted(chance.sample(range(len(data) + 1), k=min(chance.choice((0, 0, 1, 4)), len(data))))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def mutated(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data) + 1)
    match chance.randrange(5):
        case 0:
            return data[:place] + chance.choice(FRAGMENTS) + data[place:]
        case 1:
            return data[:place]
        case 2:
            return data[:place] + data[place + chance.randrange(1, 20) :]
        case 3:
            return data[:place] + chance.randbytes(1) + data[place + 1 :]
    # A fragment between two headers, where it means most.
    start = data.find(b"\r\n", place) + 2
    return data[:start] + chance.choice(FRAGMENTS) + data[start:]


def send(web: LoggedWebServer, seed: str) -> None:
    """Some read what comes, some leave at once."""
    chance = random.Random(seed)
    answer = b""
    with connect(web) as connection:
        # An unfinished request is answered after 10 s, and that has its own tests.
        connection.settimeout(0.3)
        try:
            for piece in talk(chance):
                connection.sendall(piece)
            while chance.random() < 0.9 and (data := connection.recv(1 << 20)):
                answer += data
        except (ConnectionError, TimeoutError):
            pass
    assert not answer or answer.startswith(b"HTTP/1.1 "), f"{seed}: {answer[:100]!r}"
    assert b"HTTP/1.1 500" not in answer, f"{seed}: an error of ours"


@pytest.fixture(scope="module")
def web(environment: Environment) -> Iterator[LoggedWebServer]:
    with LoggedWebServer(environment) as server:
        yield server


def test_raw_bytes_leave_the_process_serving_and_nothing_behind(web: LoggedWebServer) -> None:
    [process] = web.processes
    watched = psutil.Process(process.pid)

    def storm(first: int) -> None:
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda number: send(web, f"{seed}-{number}"), range(first, first + CONNECTIONS)))

    seed = os.environ.get("SLIPBIN_FUZZ_SEED", "slipbin")
    # The first storm fills caches and pools, which stay.
    storm(0)
    held = settled_descriptors(watched, at_most=None)
    resident_bytes = watched.memory_info().rss
    storm(CONNECTIONS)

    assert settled_descriptors(watched, at_most=held) <= held
    assert watched.memory_info().rss - resident_bytes < 50 * MEBIBYTE
    assert process.poll() is None
    for entry in (create_link(web.client), create_paste(web.client)):
        assert web.client.get(f"/{entry['key']}").status_code in (200, 302)
    assert "Traceback" not in web.log()


def settled_descriptors(process: psutil.Process, *, at_most: int | None) -> int:
    """Open files and sockets once no client's connection is left, or after half a minute."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        has_client = any(each.status == psutil.CONN_ESTABLISHED for each in process.net_connections("tcp"))
        if not has_client and (at_most is None or descriptors(process) <= at_most):
            break
        time.sleep(0.2)
    return descriptors(process)


def descriptors(process: psutil.Process) -> int:
    """How many files a process has open, without its connections to the engines, whose pools grow as needed."""
    return process.num_fds() - len(process.net_connections("unix"))
