"""Pages that the fast path keeps: the bytes of FastAPI, a visit each, and never one of an entry that has changed."""

import gzip
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import redis
import zstandard

from tests.support.accounts import new_user
from tests.support.engines import Environment
from tests.support.entries import create_paste, manage_headers
from tests.support.pages import BROWSER
from tests.support.raw_http import Answer, ask, connect, get_request, on_a_kept_connection, parse, read_to_end
from tests.support.visits import streamed_visits
from tests.support.waiting import eventually
from tests.support.web import WebServer

HTML = b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
TEXT = "def f(a):\n    return '<b>' + a  # grüße\n" * 40
ENCODINGS = {
    "zstd": b"Accept-Encoding: gzip, deflate, br, zstd\r\n",
    "gzip": b"Accept-Encoding: gzip;q=1.0, deflate, zstd;q=0\r\n",
    "identity": b"",
}


@pytest.fixture(scope="module")
def other_web(fast_path_environment: Environment) -> Iterator[WebServer]:
    """A second web process, which learns of changes from Redis alone."""
    with WebServer(fast_path_environment) as server:
        yield server


def calls(valkey: "redis.Redis[str]", command: str) -> int:
    """How often Redis was asked: MGET is of the fast path alone, and GET of FastAPI."""
    return int(valkey.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"])


def read(web: WebServer, key: str, headers: bytes = HTML + ENCODINGS["zstd"]) -> Answer:
    [answer] = on_a_kept_connection(web, get_request(f"/{key}", headers))
    return answer


def keep(web: WebServer, valkey: "redis.Redis[str]", key: str, headers: bytes = HTML + ENCODINGS["zstd"]) -> int:
    """Read the page until the fast path sends it; return how often."""
    reads = 0

    def is_kept() -> bool:
        nonlocal reads
        before = calls(valkey, "get")
        assert read(web, key, headers).status == 200
        reads += 1
        return reads > 1 and calls(valkey, "get") == before

    eventually(is_kept, "the page from the fast path")
    return reads


def decoded(answer: Answer) -> bytes:
    encoding = answer.headers.get("content-encoding")
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(answer.body)
    return gzip.decompress(answer.body) if encoding == "gzip" else answer.body


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("visibility", ["public", "unlisted"])
def test_each_encoding_has_the_bytes_of_fastapi_and_counts_each_view_once(
    encoding: str, visibility: str, web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    key = create_paste(web.client, text=TEXT, title="Ä", visibility=visibility, syntax="python")["key"]
    headers = HTML + ENCODINGS[encoding]
    reads = keep(web, valkey, key, headers)
    batches, gets = calls(valkey, "mget"), calls(valkey, "get")

    answers = on_a_kept_connection(web, *[get_request(f"/{key}", headers) for _ in range(4)])

    assert (calls(valkey, "mget"), calls(valkey, "get")) == (batches + 4, gets)
    assert len(streamed_visits(valkey, key)) == reads + 4
    keep(web, valkey, key, HTML)
    assert answers[1:] == answers[:3]
    # While the renderer of the other process is busy, its page lacks colours.
    eventually(lambda: read(plain_web, key, headers) == answers[0], "the same page from FastAPI")
    assert b"<b class=k>def </b>" in read(web, key, HTML).body
    assert answers[0].headers.get("content-encoding", "identity") == encoding
    assert answers[0].headers["vary"] == "Accept, Accept-Encoding"
    assert answers[0].headers["cache-control"] == "private, no-store"
    assert answers[0].headers["x-robots-tag"] == ("all" if visibility == "public" else "noindex")
    assert "etag" not in answers[0].headers
    assert decoded(answers[0]) == read(web, key, HTML).body


def test_large_page_is_sent_whole(web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]") -> None:
    """Beyond 16 KB head and body are not joined."""
    key = create_paste(web.client, text=TEXT * 20)["key"]
    keep(web, valkey, key, HTML)
    gets = calls(valkey, "get")

    answers = on_a_kept_connection(web, *[get_request(f"/{key}", HTML) for _ in range(3)])

    assert calls(valkey, "get") == gets
    assert len(answers[0].body) > 64 * 1024
    assert answers == [read(plain_web, key, HTML)] * 3


Change = Callable[[WebServer, dict[str, Any], dict[str, str]], httpx.Response]


def patch(**fields: Any) -> Change:
    return lambda web, paste, headers: web.client.patch(f"/api/v1/entries/{paste['key']}", headers=headers, json=fields)


def delete(web: WebServer, paste: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    return web.client.delete(f"/api/v1/entries/{paste['key']}", headers=headers)


def claim(web: WebServer, paste: dict[str, Any], headers: dict[str, str]) -> httpx.Response:
    claimer = new_user(web.client).headers
    return web.client.post(f"/api/v1/entries/{paste['key']}/claim", headers=claimer | headers)


CHANGES: dict[str, tuple[Change, int]] = {
    "title": (patch(title="another"), 200),
    "text": (patch(text="another\n"), 200),
    "syntax": (patch(syntax="python"), 200),
    "visibility": (patch(visibility="public"), 200),
    "end": (patch(expires_in="1h"), 200),
    "claim": (claim, 200),
    "delete": (delete, 410),
}


@pytest.mark.parametrize("name", CHANGES)
def test_next_request_in_every_process_sees_a_change(
    name: str, web: WebServer, other_web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    change, status = CHANGES[name]
    paste = create_paste(web.client, text=TEXT, title="old")
    for server in (web, other_web):
        keep(server, valkey, paste["key"])
    old = read(other_web, paste["key"])

    visits = len(streamed_visits(valkey, paste["key"]))
    response = change(web, paste, manage_headers(paste))

    assert response.status_code < 300, response.text
    # One process finds a tombstone, and leaves the new entry there; the other finds that, and its own page is old.
    first = read(web, paste["key"])
    [seen, again] = on_a_kept_connection(other_web, *[get_request(f"/{paste['key']}", HTML + ENCODINGS["zstd"])] * 2)
    assert [first.status, seen.status] == [status] * 2
    assert (first.headers, first.body) != (old.headers, old.body)
    # Whose page is old is no visit for the script: FastAPI counts it.
    assert len(streamed_visits(valkey, paste["key"])) == visits + (3 if status == 200 else 0)
    assert (seen.headers, seen.body) != (old.headers, old.body)
    if status == 200 and name != "syntax":
        assert [first, seen, again] == [read(plain_web, paste["key"])] * 3


def test_page_made_private_is_its_owner_s_alone_at_once(
    web: WebServer, other_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    user = new_user(web.client).headers
    key = create_paste(web.client, text=TEXT, headers=user)["key"]
    keep(other_web, valkey, key)

    changed = web.client.patch(f"/api/v1/entries/{key}", headers=user, json={"visibility": "private"})

    assert changed.status_code == 200
    assert [read(server, key).status for server in (other_web, web)] == [404, 404]


@pytest.mark.parametrize(
    "headers",
    [
        b"Cookie: slipbin_session=x\r\n",
        b"Cookie: a=b; __Host-slipbin_session=x\r\n",
        b"Cookie: slipbin_manage=x\r\n",
        b"Cookie: __Secure-slipbin_manage=x\r\n",
        b"Authorization: Bearer x\r\n",
        b"Sec-Purpose: prefetch\r\n",
    ],
)
def test_kept_page_is_for_no_reader_who_may_get_another(
    headers: bytes, web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    key = create_paste(web.client, text=TEXT)["key"]
    keep(web, valkey, key)
    gets = calls(valkey, "get")

    answer = read(web, key, HTML + ENCODINGS["zstd"] + headers)

    assert answer.status == (401 if b"Authorization" in headers else 200)
    assert calls(valkey, "get") > gets or answer.status == 401
    has_our_cookie = b"slipbin_" in headers
    assert ("content-encoding" in answer.headers) == (not has_our_cookie and answer.status == 200)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("connection", "version"),
    [(b"Connection: close\r\n", "1.1"), (b"", "1.0"), (b"Connection: keep-alive\r\n", "1.0")],
    ids=["close", "HTTP/1.0", "HTTP/1.0 that would stay"],
)
def test_page_on_a_connection_that_ends_is_fastapi_s_and_one_visit(
    connection: bytes, version: str, encoding: str, web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    key = create_paste(web.client, text=TEXT * 20, syntax="python")["key"]
    headers = HTML + ENCODINGS[encoding]
    visits = keep(web, valkey, key, headers)
    request = get_request(f"/{key}", headers + connection, version=version)

    answers = ask(web, request)

    assert [answer.headers["connection"] for answer in answers] == ["close"]
    assert b"<b class=k>def </b>" in decoded(answers[0])
    assert len(streamed_visits(valkey, key)) == visits + 1
    eventually(lambda: ask(plain_web, request) == answers, "the same answer from FastAPI")


def test_reader_who_sends_no_more_gets_the_whole_page_and_an_end(web: WebServer, valkey: "redis.Redis[str]") -> None:
    """The end may come while Redis is asked, or after the answer."""
    key = create_paste(web.client, text=TEXT * 20)["key"]
    visits = keep(web, valkey, key, HTML)
    kept = read(web, key, HTML)
    gets = calls(valkey, "get")

    for _ in range(5):
        with connect(web) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            connection.sendall(get_request(f"/{key}", HTML))
            connection.shutdown(socket.SHUT_WR)
            [answer] = parse(read_to_end(connection))
        assert (answer.status, answer.body) == (200, kept.body)

    assert calls(valkey, "get") == gets, "the fast path has answered"
    assert len(streamed_visits(valkey, key)) == visits + 6


def test_maker_gets_a_page_of_their_own_which_is_no_visit(web: WebServer, valkey: "redis.Redis[str]") -> None:
    entry = create_paste(web.client, text=TEXT)
    key = entry["key"]
    reads = keep(web, valkey, key)

    def with_cookie(token: str) -> Answer:
        return read(web, key, HTML + f"Cookie: slipbin_manage={token}\r\n".encode())

    assert b'class="strip"' in with_cookie(entry["manage_token"]).body
    assert len(streamed_visits(valkey, key)) == reads
    assert b'class="strip"' not in with_cookie("A" * 43).body
    assert len(streamed_visits(valkey, key)) == reads + 1, "with a cookie that opens nothing, one is a stranger"
    assert b'class="strip"' not in decoded(read(web, key))
    keep(web, valkey, key)


def test_kept_page_is_for_no_query_and_no_program(
    web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    key = create_paste(web.client, text=TEXT)["key"]
    keep(web, valkey, key)
    accepted = [b"", b"Accept: */*\r\n", b"Accept: text/html;q=0.5, text/plain\r\n", b"Accept: text/html;q=0\r\n"]
    requests = [get_request(f"/{key}?a=b", HTML), *(get_request(f"/{key}", accept) for accept in accepted)]
    gets = calls(valkey, "get")

    answers = on_a_kept_connection(web, *requests)

    assert calls(valkey, "get") == gets + len(requests)
    assert [answer.headers["content-type"].partition(";")[0] for answer in answers] == [
        "text/html",
        *["text/plain"] * 4,
    ]
    assert answers == on_a_kept_connection(plain_web, *requests)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_head_says_what_get_would(encoding: str, web: WebServer, valkey: "redis.Redis[str]") -> None:
    key = create_paste(web.client, text=TEXT)["key"]
    headers = HTML + ENCODINGS[encoding]

    def head() -> dict[str, str]:
        response = httpx.head(
            f"{web.address}/{key}",
            headers={"Accept": "text/html", "Accept-Encoding": "identity" if encoding == "identity" else encoding},
            trust_env=False,
            timeout=60,
        )
        assert (response.status_code, response.content) == (200, b"")
        return {name: value for name, value in response.headers.items() if name not in ("date", "x-request-id")}

    cold = head()
    visits = keep(web, valkey, key, headers)
    got = read(web, key, headers)

    assert head() == got.headers
    # To know the length, the page would have to be made.
    assert cold == {name: value for name, value in got.headers.items() if name != "content-length"}
    assert len(streamed_visits(valkey, key)) == visits + 1


def test_page_whose_views_are_limited_is_never_kept(web: WebServer, valkey: "redis.Redis[str]") -> None:
    key = create_paste(web.client, text=TEXT, views=5)["key"]
    gets = calls(valkey, "get")

    answers = on_a_kept_connection(web, *[get_request(f"/{key}", HTML)] * 4)

    assert calls(valkey, "get") == gets + 4
    assert [b"f(a)" in answer.body for answer in answers] == [False] * 4
    assert len(streamed_visits(valkey, key)) == 0


def test_link_is_followed_by_browsers_in_the_same_batches(web: WebServer, valkey: "redis.Redis[str]") -> None:
    link = web.client.post("/api/v1/links", json={"original_url": "https://example.org/"}).json()["key"]
    paste = create_paste(web.client, text=TEXT)["key"]
    keep(web, valkey, paste)
    assert web.client.get(f"/{link}", headers=BROWSER).status_code == 302
    batches, gets = calls(valkey, "mget"), calls(valkey, "get")

    paths = [link, paste, link, paste]
    answers = on_a_kept_connection(web, *[get_request(f"/{path}", HTML + ENCODINGS["zstd"]) for path in paths])

    assert [answer.status for answer in answers] == [302, 200, 302, 200]
    assert (calls(valkey, "mget"), calls(valkey, "get")) == (batches + 4, gets)
    assert len(streamed_visits(valkey, link)) == 3
