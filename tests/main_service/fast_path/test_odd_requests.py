"""Requests that are not plain, come in pieces, or whose clients vanish, on the fast path."""

import socket
import time
from collections.abc import Callable

import httpx
import psutil
import pytest
import redis

from tests.support.entries import create_link, create_paste, new_alias
from tests.support.raw_http import (
    ask,
    connect,
    get_request,
    on_a_kept_connection,
    parse,
    read_answer,
    read_to_end,
    without_varying,
)
from tests.support.visits import streamed_visits
from tests.support.web import WebServer

CHROME = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36\r\n"


def link_with_alias(client: httpx.Client) -> str:
    return str(create_link(client, alias=new_alias())["key"])


def text(client: httpx.Client) -> str:
    return str(create_paste(client, text="grüße\n", visibility="public")["key"])


def largest_fast_text(client: httpx.Client) -> str:
    return str(create_paste(client, text="x" * (64 * 1024))["key"])


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "PUT"])
def test_other_methods_are_not_touched(
    method: str, web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    for key in (link_with_alias(web.client), text(web.client)):
        for path in (f"/{key}", f"/{key}/raw"):
            request = get_request(path, CHROME + b"Connection: close\r\n", method=method)
            assert ask(web, request) == ask(plain_web, request)
        assert streamed_visits(valkey, key) == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        lambda path: get_request(path, version="1.0"),
        lambda path: get_request(path, b"Connection: keep-alive\r\n", version="1.0") + get_request(path, version="1.0"),
        lambda path: get_request(path, b"Connection: close\r\n"),
        lambda path: get_request(path) + get_request(path, b"Connection: close\r\n"),
        lambda path: get_request(path, b"Expect: 100-continue\r\nConnection: close\r\n"),
        lambda path: get_request(
            path, b"Transfer-Encoding: chunked\r\nConnection: close\r\n", body=b"3\r\nabc\r\n0\r\n\r\n"
        ),
        lambda path: get_request(path) + b"nonsense\r\n\r\n",
        lambda path: get_request(path, b"Content-Length: 1\r\nContent-Length: 2\r\n"),
        lambda path: get_request(path, b"Upgrade: websocket\r\nConnection: upgrade\r\n"),
        lambda path: get_request(path, b"X: " + b"x" * 40_000 + b"\r\n"),
        lambda path: get_request(path + "?" + "&" * 1000),
    ],
    ids=[
        "HTTP/1.0",
        "HTTP/1.0 that stays",
        "close",
        "pipelined, then close",
        "expect",
        "chunked",
        "nonsense behind",
        "two lengths",
        "upgrade",
        "too large",
        "too many fields",
    ],
)
def test_odd_requests_end_as_with_fastapi(
    request_bytes: Callable[[str], bytes], web: WebServer, plain_web: WebServer
) -> None:
    path = f"/{link_with_alias(web.client)}"
    on_a_kept_connection(web, get_request(path))
    assert ask(web, request_bytes(path)) == ask(plain_web, request_bytes(path))


def test_pipelined_answers_keep_their_order(web: WebServer) -> None:
    """Fast ones, slow ones and unknown keys, all sent before the first is answered."""
    links = [create_link(web.client, original_url=f"https://example.org/{number}")["key"] for number in range(4)]
    for link in links:
        web.client.get(f"/{link}")
    paths = [f"/{links[0]}", "/never1A", f"/{links[1]}", "/health/live", f"/{links[2]}+", f"/{links[3]}"] * 5
    expected = [on_a_kept_connection(web, get_request(path))[0] for path in paths]
    with connect(web) as connection:
        connection.sendall(
            b"".join(get_request(path) for path in paths[:-1]) + get_request(paths[-1], b"Connection: close\r\n")
        )
        answers = parse(read_to_end(connection))
    answers[-1].headers.pop("connection")  # type: ignore[attr-defined]
    assert [without_varying(answer) for answer in answers] == expected


def test_request_that_comes_in_pieces_is_answered_once(web: WebServer, valkey: "redis.Redis[str]") -> None:
    key = link_with_alias(web.client)
    on_a_kept_connection(web, get_request(f"/{key}"))
    request = get_request(f"/{key}", CHROME)
    with connect(web) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            connection.sendall(bytes([byte]))
        assert read_answer(connection).status == 302
    assert len(streamed_visits(valkey, key)) == 2


def test_clients_that_vanish_harm_no_others(web: WebServer) -> None:
    key = link_with_alias(web.client)
    on_a_kept_connection(web, get_request(f"/{key}"))
    for _ in range(50):
        with connect(web) as connection:
            connection.sendall(get_request(f"/{key}"))
    assert on_a_kept_connection(web, get_request(f"/{key}"))[0].status == 302
    assert on_a_kept_connection(web, get_request("/never1A"))[0].status == 404


def test_reader_who_takes_nothing_fills_no_memory(web: WebServer) -> None:
    """Its answers wait in the system's buffers: it gets no more of them."""
    key = largest_fast_text(web.client)
    process = psutil.Process(web.processes[0].pid)
    for _ in range(2):
        on_a_kept_connection(web, get_request(f"/{key}/raw"))
    with connect(web) as connection:
        before = process.memory_info().rss
        connection.setblocking(False)
        sent, deadline = 0, time.monotonic() + 5
        request = get_request(f"/{key}/raw")
        while time.monotonic() < deadline and sent < 2_000:
            try:
                connection.sendall(request)
                sent += 1
            except BlockingIOError:
                break
            time.sleep(0)
        assert on_a_kept_connection(web, get_request(f"/{key}/raw"))[0].status == 200
        assert process.memory_info().rss - before < 32 * 1024 * 1024
