"""Requests that a client sends without waiting for answers cost no more than the ones that are answered."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste
from tests.support.raw_http import LoggedWebServer, connect, exchange, parse, read_to_end, wait_until_held

MEBIBYTE = 1024 * 1024
SENT_BYTES = 24 * MEBIBYTE
WAITING_REQUESTS = 64
GET = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
LAST_GET = GET + b"Connection: close\r\n\r\n"


@pytest.fixture(scope="module")
def web(environment: Environment) -> Iterator[LoggedWebServer]:
    with LoggedWebServer(environment) as server:
        server.client.get("/health/live")
        yield server


def peak_bytes(web: LoggedWebServer) -> int:
    """The most memory that the process has ever had."""
    [process] = web.processes
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_requests_beyond_64_that_wait_are_refused_after_the_answers_before_them(web: LoggedWebServer) -> None:
    answers = exchange(web, (GET + b"\r\n") * 500)

    assert [answer.status for answer in answers] == [200] * (1 + WAITING_REQUESTS) + [503]
    assert json.loads(answers[-1].body)["code"] == "too_many_waiting"
    assert (answers[-1].headers["connection"], answers[-1].headers["retry-after"]) == ("close", "5")


def test_requests_up_to_64_that_wait_are_answered_in_their_order(web: LoggedWebServer) -> None:
    keys = [create_link(web.client)["key"] for _ in range(2)] + [create_paste(web.client)["key"]]
    addresses = [f"/{key}" for key in keys] + ["/health/live", f"/{keys[2]}/raw"]
    expected = [web.client.get(address).status_code for address in addresses]
    requests = [f"GET {address} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for address in addresses]

    answers = exchange(web, b"".join(requests * 12) + LAST_GET)

    assert [answer.status for answer in answers] == expected * 12 + [200]


def test_connection_goes_on_after_requests_that_waited(web: LoggedWebServer) -> None:
    body = web.client.get("/health/live").content
    with connect(web) as connection:
        for _ in range(20):
            connection.sendall((GET + b"\r\n") * 30)
            received = b""
            while received.count(body) < 30:
                received += connection.recv(1 << 20)
            assert {answer.status for answer in parse(received)} == {200}


@pytest.mark.parametrize("padding", [0, 16 * 1024], ids=["tiny", "large"])
def test_24_mib_of_pipelined_requests_take_no_memory(web: LoggedWebServer, padding: int) -> None:
    """One read has too many tiny requests; large ones are read only as those before them are answered."""
    request = GET + (b"X: " + b"a" * padding + b"\r\n" if padding else b"") + b"\r\n"
    peak_before = peak_bytes(web)

    count = SENT_BYTES // len(request)
    answers = exchange(web, request * (count - 1) + LAST_GET)

    assert peak_bytes(web) - peak_before < 12 * MEBIBYTE
    if padding:
        assert [answer.status for answer in answers] == [200] * count


def test_answers_that_are_read_late_come_whole_and_in_their_order(web: LoggedWebServer) -> None:
    """The second request is begun when the client has taken the answer to the first one."""
    text = "a line\n" * 1_000_000
    key = create_paste(web.client, text=text)["key"]
    request = f"GET /{key}/raw HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with connect(web) as connection:
        connection.sendall(request * 2 + LAST_GET)
        wait_until_held(web, connection.getsockname()[1])
        answers = parse(read_to_end(connection))
    assert [len(answer.body) for answer in answers[:2]] == [len(text)] * 2
    assert answers[2].status == 200
