"""The fast path answers and records as FastAPI does: each request is sent to a process with and to one without it."""

import hashlib
import inspect
import json
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psutil
import pytest
import redis
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tests.support.accounts import new_user
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.raw_http import Answer, connect, exchange, parse, read_answer, read_to_end
from tests.support.visits import StreamedVisit, newest_record_id, streamed_visits, with_own_redis_database
from tests.support.web import WebServer

CHROME = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36\r\n"


@pytest.fixture(scope="module")
def fast_path_environment(environment: Environment) -> Environment:
    return with_own_redis_database(environment) | {"MAIN_TRUSTED_PROXIES": "127.0.0.1"}


@pytest.fixture(scope="module")
def web(fast_path_environment: Environment) -> Iterator[WebServer]:
    with WebServer(fast_path_environment) as server:
        yield server


@pytest.fixture(scope="module")
def plain_web(fast_path_environment: Environment) -> Iterator[WebServer]:
    with WebServer(fast_path_environment | {"MAIN_FAST_PATH": "false"}) as server:
        yield server


@pytest.fixture
def valkey(fast_path_environment: Environment) -> Iterator["redis.Redis[str]"]:
    with redis.Redis.from_url(fast_path_environment["MAIN_REDIS_URL"], decode_responses=True) as connection:
        yield connection


def link_for_search_engines(client: httpx.Client) -> str:
    return str(create_link(client, visibility="public")["key"])


def link_in_letters(client: httpx.Client) -> str:
    return str(create_link(client, original_url='https://bücher.example/straße?q="ä"\\#x')["key"])


def link_with_alias(client: httpx.Client) -> str:
    return str(create_link(client, alias=new_alias())["key"])


def link_of_user(client: httpx.Client) -> str:
    return str(create_link(client, headers=new_user(client).headers, expires_in="never")["key"])


def private_link(client: httpx.Client) -> str:
    return str(create_link(client, headers=new_user(client).headers, visibility="private")["key"])


def link_that_ended(client: httpx.Client) -> str:
    link = create_link(client)
    assert client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).status_code == 204
    return str(link["key"])


def text(client: httpx.Client) -> str:
    return str(create_paste(client, text="grüße\n", visibility="public")["key"])


def large_text(client: httpx.Client) -> str:
    return str(create_paste(client, text="x" * (64 * 1024 + 1))["key"])


def largest_fast_text(client: httpx.Client) -> str:
    return str(create_paste(client, text="x" * (64 * 1024))["key"])


def nothing(client: httpx.Client) -> str:
    return "never1A"


ENTRIES: list[Callable[[httpx.Client], str]] = [
    link_for_search_engines,
    link_in_letters,
    link_with_alias,
    link_of_user,
    private_link,
    link_that_ended,
    text,
    large_text,
    largest_fast_text,
    nothing,
]

ADDRESSES = ["/%s", "/%s?utm_source=x", "/%s/raw", "/%s/raw?download", "/%s?", "/%s/", "/%s+", "//%s", "/%s%%2Fraw"]

HEADERS = {
    "a browser": CHROME + b"Accept: text/html\r\nAccept-Language: de-DE,de;q=0.9\r\nReferer: https://a.example/b\r\n",
    "our own page": CHROME + b"Referer: http://X/c/secret\r\n",
    "our public page": CHROME + b"Referer: http://slipbin.test/c/secret\r\n",
    "a program": b"User-Agent: curl/8\r\nAccept: */*\r\n",
    "nothing": b"",
    "controls and bytes": b"User-Agent: \tx\x85\xff y \r\nReferer: \xa0r\xad\r\nAccept-Language: \xe9,\r\n",
    "too long": b"User-Agent: " + b"u" * 600 + b"\r\nReferer: https://h.example/" + b"r" * 2100 + b"\r\n",
    "a wish": CHROME + b"DNT: 1\r\n",
    "another wish": CHROME + b"Sec-GPC: 1\r\n",
    "no wish": CHROME + b"DNT: 0\r\n",
    "a crawler": b"User-Agent: Googlebot/2.1\r\n",
    "a prefetch": CHROME + b"Sec-Purpose: prefetch;prerender\r\n",
    "another prefetch": CHROME + b"Purpose: prefetch\r\n",
    "a cookie": CHROME + b"Cookie: a=b\r\n",
    "a session": CHROME + b"Cookie: slipbin_session=garbage\r\n",
    "a proxy": CHROME + b"X-Forwarded-For: 198.51.100.77, 203.0.113.9\r\n",
    "a proxy with IPv6": CHROME + b"X-Forwarded-For: 2001:db8:1:2::3\r\n",
    "a confused proxy": CHROME + b"X-Forwarded-For: unknown\r\n",
    "two proxies": CHROME + b"X-Forwarded-For: 198.51.100.77\r\nX-Forwarded-For: 203.0.113.9\r\n",
    "two agents": CHROME + b"User-Agent: another\r\n",
    "a token": CHROME + b"Authorization: Bearer x\r\n",
    "a body": CHROME + b"Content-Length: 3\r\n",
    "a range": CHROME + b"Range: bytes=0-1\r\nIf-Modified-Since: Sat, 21 Nov 2026 00:00:00 GMT\r\n",
}


def without_date(answer: Answer) -> Answer:
    return Answer(answer.status, {name: value for name, value in answer.headers.items() if name != "date"}, answer.body)


def ask(web: WebServer, request: bytes) -> list[Answer]:
    return [without_date(answer) for answer in exchange(web, request)]


def on_a_kept_connection(web: WebServer, *requests: bytes) -> list[Answer]:
    """One after the other."""
    with connect(web) as connection:
        answers = []
        for request in requests:
            connection.sendall(request)
            answers.append(without_date(read_answer(connection)))
        return answers


def get(path: str, headers: bytes = b"", *, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: x\r\n".encode() + headers + b"\r\n" + body


def told_apart(visits: list[StreamedVisit]) -> list[StreamedVisit]:
    """All but when."""
    return [visit._replace(at_ms=0) for visit in visits]


def batches_asked_for(valkey: "redis.Redis[str]") -> int:
    """Nothing else uses this command."""
    found = valkey.info("commandstats").get("cmdstat_mget", {"calls": 0})
    return int(found["calls"])


@pytest.mark.parametrize("make", ENTRIES, ids=lambda make: make.__name__)
def test_answers_and_visits_are_those_of_fastapi(
    make: Callable[[httpx.Client], str],
    web: WebServer,
    plain_web: WebServer,
    valkey: "redis.Redis[str]",
) -> None:
    key = make(web.client)
    # The first reader leaves a cached entry, the second what the process needs to know of a text.
    warm = [get(f"/{key}"), get(f"/{key}/raw"), get(f"/{key}/raw")]
    on_a_kept_connection(web, *warm)
    on_a_kept_connection(plain_web, *warm)
    for name, headers in HEADERS.items():
        body = b"abc" if name == "a body" else b""
        requests = [get(address % key, headers, body=body) for address in ADDRESSES]
        before = newest_record_id(valkey)
        expected = on_a_kept_connection(plain_web, *requests)
        between = newest_record_id(valkey)
        assert on_a_kept_connection(web, *requests) == expected, name
        recorded = streamed_visits(valkey, key, since=before)
        by_the_fast_path = streamed_visits(valkey, key, since=between)
        assert told_apart(by_the_fast_path) == told_apart(recorded[: len(recorded) - len(by_the_fast_path)]), name


@pytest.mark.parametrize(("make", "robots"), [(link_with_alias, "noindex"), (link_for_search_engines, "all")])
def test_redirect_carries_only_the_headers_that_are_meant_for_it_on_both_paths(
    make: Callable[[httpx.Client], str], robots: str, web: WebServer, plain_web: WebServer
) -> None:
    """A policy for referrers or openers would hold for the request that follows: it is the target's visitor's own."""
    key = make(web.client)
    # The first reader leaves a cached entry, the next is answered by the fast path.
    on_a_kept_connection(web, get(f"/{key}"))
    [fast], [plain] = (on_a_kept_connection(server, get(f"/{key}", CHROME)) for server in (web, plain_web))

    assert fast == plain
    assert fast.headers == {
        "location": "https://example.org/target",
        "content-length": "0",
        "cache-control": "private, no-store",
        "x-robots-tag": robots,
    }


@pytest.mark.parametrize("make", [link_with_alias, link_of_user, link_for_search_engines, text, largest_fast_text])
def test_plain_requests_are_answered_in_batches(
    make: Callable[[httpx.Client], str], web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    key = make(web.client)
    path = f"/{key}/raw" if "text" in make.__name__ else f"/{key}"
    for _ in range(2):
        on_a_kept_connection(web, get(path))
    before, gets = batches_asked_for(valkey), valkey.info("commandstats")["cmdstat_get"]["calls"]
    on_a_kept_connection(web, *[get(path, CHROME) for _ in range(5)])
    assert batches_asked_for(valkey) == before + 5
    assert valkey.info("commandstats")["cmdstat_get"]["calls"] == gets, "FastAPI was asked"
    assert len(streamed_visits(valkey, key)) == 7


def test_link_with_a_slash_is_followed_in_the_same_batches_and_counts_once(
    web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    key = link_with_alias(web.client)
    on_a_kept_connection(web, get(f"/{key}/"))
    before = batches_asked_for(valkey)

    answers = on_a_kept_connection(web, *[get(f"/{key}/", CHROME), get(f"/{key}/?a=b", CHROME), get(f"/{key}", CHROME)])

    assert [(answer.status, answer.headers["location"]) for answer in answers] == [
        (302, "https://example.org/target")
    ] * 3
    assert batches_asked_for(valkey) == before + 3
    assert ask(plain_web, get(f"/{key}/", CHROME + b"Connection: close\r\n"))[0].status == 302
    assert len(streamed_visits(valkey, key)) == 5


def test_paste_with_a_slash_is_no_visit(web: WebServer, valkey: "redis.Redis[str]") -> None:
    key = text(web.client)
    on_a_kept_connection(web, get(f"/{key}/raw"), get(f"/{key}/raw"))

    answers = on_a_kept_connection(web, get(f"/{key}/"), get(f"/{key}/raw/"))

    assert [answer.status for answer in answers] == [308, 308]
    assert len(streamed_visits(valkey, key)) == 2


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS", "PUT"])
def test_other_methods_are_not_touched(
    method: str, web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    for key in (link_with_alias(web.client), text(web.client)):
        for path in (f"/{key}", f"/{key}/raw"):
            request = get(path, CHROME + b"Connection: close\r\n", method=method)
            assert ask(web, request) == ask(plain_web, request)
        assert streamed_visits(valkey, key) == []


@pytest.mark.parametrize(
    "request_bytes",
    [
        lambda path: get(path, version="1.0"),
        lambda path: get(path, b"Connection: keep-alive\r\n", version="1.0") + get(path, version="1.0"),
        lambda path: get(path, b"Connection: close\r\n"),
        lambda path: get(path) + get(path, b"Connection: close\r\n"),
        lambda path: get(path, b"Expect: 100-continue\r\nConnection: close\r\n"),
        lambda path: get(path, b"Transfer-Encoding: chunked\r\nConnection: close\r\n", body=b"3\r\nabc\r\n0\r\n\r\n"),
        lambda path: get(path) + b"nonsense\r\n\r\n",
        lambda path: get(path, b"Content-Length: 1\r\nContent-Length: 2\r\n"),
        lambda path: get(path, b"Upgrade: websocket\r\nConnection: upgrade\r\n"),
        lambda path: get(path, b"X: " + b"x" * 40_000 + b"\r\n"),
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
    ],
)
def test_odd_requests_end_as_with_fastapi(
    request_bytes: Callable[[str], bytes], web: WebServer, plain_web: WebServer
) -> None:
    path = f"/{link_with_alias(web.client)}"
    on_a_kept_connection(web, get(path))
    assert ask(web, request_bytes(path)) == ask(plain_web, request_bytes(path))


def test_pipelined_answers_keep_their_order(web: WebServer) -> None:
    """Fast ones, slow ones and unknown keys, all sent before the first is answered."""
    links = [create_link(web.client, original_url=f"https://example.org/{number}")["key"] for number in range(4)]
    for link in links:
        web.client.get(f"/{link}")
    paths = [f"/{links[0]}", "/never1A", f"/{links[1]}", "/health/live", f"/{links[2]}+", f"/{links[3]}"] * 5
    expected = [on_a_kept_connection(web, get(path))[0] for path in paths]
    with connect(web) as connection:
        connection.sendall(b"".join(get(path) for path in paths[:-1]) + get(paths[-1], b"Connection: close\r\n"))
        answers = parse(read_to_end(connection))
    answers[-1].headers.pop("connection")  # type: ignore[attr-defined]
    assert [without_date(answer) for answer in answers] == expected


def test_request_that_comes_in_pieces_is_answered_once(web: WebServer, valkey: "redis.Redis[str]") -> None:
    key = link_with_alias(web.client)
    on_a_kept_connection(web, get(f"/{key}"))
    request = get(f"/{key}", CHROME)
    with connect(web) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            connection.sendall(bytes([byte]))
        assert read_answer(connection).status == 302
    assert len(streamed_visits(valkey, key)) == 2


def test_clients_that_vanish_harm_nobody(web: WebServer) -> None:
    key = link_with_alias(web.client)
    on_a_kept_connection(web, get(f"/{key}"))
    for _ in range(50):
        with connect(web) as connection:
            connection.sendall(get(f"/{key}"))
    assert on_a_kept_connection(web, get(f"/{key}"))[0].status == 302
    assert on_a_kept_connection(web, get("/never1A"))[0].status == 404


def test_reader_who_takes_nothing_fills_no_memory(web: WebServer) -> None:
    """What waits for him stays with him: he is not answered on and on."""
    key = largest_fast_text(web.client)
    process = psutil.Process(web.processes[0].pid)
    for _ in range(2):
        on_a_kept_connection(web, get(f"/{key}/raw"))
    with connect(web) as connection:
        before = process.memory_info().rss
        connection.setblocking(False)
        sent, deadline = 0, time.monotonic() + 5
        request = get(f"/{key}/raw")
        while time.monotonic() < deadline and sent < 2_000:
            try:
                connection.sendall(request)
                sent += 1
            except BlockingIOError:
                break
            time.sleep(0)
        assert on_a_kept_connection(web, get(f"/{key}/raw"))[0].status == 200
        assert process.memory_info().rss - before < 32 * 1024 * 1024


@pytest.mark.parametrize("change", ["target", "deleted"])
def test_next_request_in_every_process_sees_a_change(change: str, fast_path_environment: Environment) -> None:
    with WebServer(fast_path_environment, processes=2) as both:
        clients = [both.new_client() for _ in range(8)]
        user = new_user(clients[0]).headers
        for number in range(10):
            link = create_link(clients[0], headers=user, original_url="https://example.org/old")
            path = f"/{link['key']}"
            for client in clients * 2:
                assert client.get(path).headers["location"] == "https://example.org/old"
            entry = f"/api/v1/entries/{link['key']}"
            if change == "deleted":
                assert clients[0].delete(entry, headers=user).status_code == 204
                assert [client.get(path).status_code for client in clients] == [410] * 8
            elif change == "target":
                new = f"https://example.org/new{number}"
                assert clients[0].patch(entry, headers=user, json={"original_url": new}).status_code == 200
                assert [client.get(path).headers["location"] for client in clients] == [new] * 8
                assert [client.get(path).headers["location"] for client in clients] == [new] * 8
        for client in clients:
            client.close()


def test_text_that_was_replaced_is_not_read_again(web: WebServer) -> None:
    paste = create_paste(web.client, text="old")
    path = f"/{paste['key']}/raw"
    for _ in range(3):
        assert web.client.get(path).text == "old"
    for text in ("new", "newer"):
        entry = f"/api/v1/entries/{paste['key']}"
        assert web.client.patch(entry, headers=manage_headers(paste), json={"text": text}).status_code == 200
        for _ in range(4):
            assert web.client.get(path).text == text


def test_entry_is_over_to_the_moment(web: WebServer, valkey: "redis.Redis[str]") -> None:
    """Even if its cached entry outlives it, as it would with a Redis whose clock is late."""
    link: dict[str, Any] = create_link(web.client)
    path, name = f"/{link['key']}", f"entry:{{0}}:{link['key']}"
    assert web.client.get(path).status_code == 302
    number, fields = json.loads(str(valkey.get(name)))
    over_at = datetime.now(UTC) + timedelta(seconds=1)
    over_at_ms = f"{int(over_at.timestamp() * 1000):013}"
    fields |= {"head": fields["head"][0] + over_at_ms + fields["head"][14:], "expires_at": over_at.isoformat()}
    valkey.set(name, json.dumps([number, fields], separators=(",", ":")))

    while web.client.get(path).status_code == 302:
        pass

    assert datetime.now(UTC) >= over_at
    visits = len(streamed_visits(valkey, link["key"]))
    assert web.client.get(path).status_code == 410
    assert len(streamed_visits(valkey, link["key"])) == visits


@pytest.mark.parametrize(
    ("part", "digest"),
    [
        (HttpToolsProtocol, "18fdf324b11bf160"),
        (RequestResponseCycle, "e67d470d435dcc1c"),
        (FlowControl, "126debcdaa894c83"),
    ],
)
def test_uvicorn_is_the_one_that_the_http_protocol_was_written_for(part: type, digest: str) -> None:
    """Read what has changed, compare it with `http_server/protocol.py` and `fast_path/protocol.py`, and note the new
    digest.
    """
    assert hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:16] == digest
