"""The fast path answers and records as FastAPI does: each request is sent to a process with and to one without it."""

import hashlib
import inspect
from collections.abc import Callable

import httpx
import pytest
import redis
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tests.support.accounts import new_user
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.raw_http import (
    ask,
    get_request,
    on_a_kept_connection,
)
from tests.support.visits import StreamedVisit, newest_record_id, streamed_visits
from tests.support.web import WebServer

CHROME = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36\r\n"


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
    "a session": CHROME + b"Cookie: slipbin_session=garbage; slipbin_form=" + b"f" * 32 + b"\r\n",
    "a proxy": CHROME + b"X-Forwarded-For: 198.51.100.77, 203.0.113.9\r\n",
    "a proxy with IPv6": CHROME + b"X-Forwarded-For: 2001:db8:1:2::3\r\n",
    "a confused proxy": CHROME + b"X-Forwarded-For: unknown\r\n",
    "two proxies": CHROME + b"X-Forwarded-For: 198.51.100.77\r\nX-Forwarded-For: 203.0.113.9\r\n",
    "two agents": CHROME + b"User-Agent: another\r\n",
    "a token": CHROME + b"Authorization: Bearer x\r\n",
    "a body": CHROME + b"Content-Length: 3\r\n",
    "a range": CHROME + b"Range: bytes=0-1\r\nIf-Modified-Since: Sat, 21 Nov 2026 00:00:00 GMT\r\n",
}


def told_apart(visits: list[StreamedVisit]) -> list[StreamedVisit]:
    """The visit without its time."""
    return [visit._replace(at_ms=0) for visit in visits]


def batches_asked_for(valkey: "redis.Redis[str]") -> int:
    """How many batches were sent: nothing else uses MGET."""
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
    warm = [get_request(f"/{key}"), get_request(f"/{key}/raw"), get_request(f"/{key}/raw")]
    on_a_kept_connection(web, *warm)
    on_a_kept_connection(plain_web, *warm)
    for name, headers in HEADERS.items():
        body = b"abc" if name == "a body" else b""
        requests = [get_request(address % key, headers, body=body) for address in ADDRESSES]
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
    """A policy for referrers or openers would apply to the request that follows, which is not ours."""
    key = make(web.client)
    # The first reader leaves a cached entry, the next is answered by the fast path.
    on_a_kept_connection(web, get_request(f"/{key}"))
    [fast], [plain] = (on_a_kept_connection(server, get_request(f"/{key}", CHROME)) for server in (web, plain_web))

    assert fast == plain
    assert fast.headers == {
        "location": "https://example.org/target",
        "content-length": "0",
        "cache-control": "private, no-store",
        "x-content-type-options": "nosniff",
        "x-robots-tag": robots,
    }


@pytest.mark.parametrize("make", [link_with_alias, link_of_user, link_for_search_engines, text, largest_fast_text])
def test_plain_requests_are_answered_in_batches(
    make: Callable[[httpx.Client], str], web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    key = make(web.client)
    path = f"/{key}/raw" if "text" in make.__name__ else f"/{key}"
    for _ in range(2):
        on_a_kept_connection(web, get_request(path))
    before, gets = batches_asked_for(valkey), valkey.info("commandstats")["cmdstat_get"]["calls"]
    on_a_kept_connection(web, *[get_request(path, CHROME) for _ in range(5)])
    assert batches_asked_for(valkey) == before + 5
    assert valkey.info("commandstats")["cmdstat_get"]["calls"] == gets, "FastAPI was asked"
    assert len(streamed_visits(valkey, key)) == 7


def test_link_with_a_slash_is_followed_in_the_same_batches_and_counts_once(
    web: WebServer, plain_web: WebServer, valkey: "redis.Redis[str]"
) -> None:
    key = link_with_alias(web.client)
    on_a_kept_connection(web, get_request(f"/{key}/"))
    before = batches_asked_for(valkey)

    answers = on_a_kept_connection(
        web, *[get_request(f"/{key}/", CHROME), get_request(f"/{key}/?a=b", CHROME), get_request(f"/{key}", CHROME)]
    )

    assert [(answer.status, answer.headers["location"]) for answer in answers] == [
        (302, "https://example.org/target")
    ] * 3
    assert batches_asked_for(valkey) == before + 3
    assert ask(plain_web, get_request(f"/{key}/", CHROME + b"Connection: close\r\n"))[0].status == 302
    assert len(streamed_visits(valkey, key)) == 5


def test_paste_with_a_slash_is_no_visit(web: WebServer, valkey: "redis.Redis[str]") -> None:
    key = text(web.client)
    on_a_kept_connection(web, get_request(f"/{key}/raw"), get_request(f"/{key}/raw"))

    answers = on_a_kept_connection(web, get_request(f"/{key}/"), get_request(f"/{key}/raw/"))

    assert [answer.status for answer in answers] == [308, 308]
    assert len(streamed_visits(valkey, key)) == 2


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
