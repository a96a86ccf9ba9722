"""What a recorded visit says of its visitor: address, program, referrer and language, within bounds."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import redis

from tests.support.engines import Environment
from tests.support.entries import Headers, create_link
from tests.support.raw_http import exchange
from tests.support.visits import (
    StreamedVisit,
    streamed_visits,
    with_own_redis_database,
)
from tests.support.web import WebServer

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
SLACKBOT = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"


@pytest.fixture(scope="module")
def frank_web(environment: Environment) -> Iterator[WebServer]:
    """A web process that keeps whole addresses and ignores `DNT`."""
    settings = {"MAIN_TRUSTED_PROXIES": "127.0.0.1", "MAIN_VISIT_IP": "full", "MAIN_VISIT_RESPECT_DNT": "false"}
    with WebServer(with_own_redis_database(environment) | settings) as server:
        yield server


VisitWith = Callable[..., StreamedVisit]


@pytest.fixture
def visit_with(client: httpx.Client, link: dict[str, Any], valkey: "redis.Redis[str]") -> VisitWith:
    """Follow a link with these headers; what is recorded of that."""

    def visit(headers: Headers, *, through: httpx.Client = client) -> StreamedVisit:
        before = len(streamed_visits(valkey, link["key"]))
        assert through.get(f"/{link['key']}", headers=headers).status_code == 302
        (recorded,) = streamed_visits(valkey, link["key"])[before:]
        return recorded

    return visit


def from_address(address: str) -> Headers:
    return {"X-Forwarded-For": address}


def test_crawler_that_gets_the_entry_is_a_visit_and_can_be_told(visit_with: VisitWith) -> None:
    assert visit_with({"User-Agent": SLACKBOT}).user_agent == SLACKBOT


def test_visit_says_when_who_and_where_from(visit_with: VisitWith, link: dict[str, Any]) -> None:
    before_ms = time.time() * 1000 - 1

    visit = visit_with(
        {
            **from_address("203.0.113.77"),
            "User-Agent": CHROME,
            "Referer": "https://news.example/front?page=2",
            "Accept-Language": "de-CH,de;q=0.9,en;q=0.8",
        }
    )

    assert before_ms <= visit.at_ms <= time.time() * 1000
    assert re.fullmatch("[0-9a-f]{16}", visit.visitor or "")
    assert visit[1:3] + visit[4:] == (
        *(link["key"], "203.0.113.0"),
        *(CHROME, "https://news.example/front?page=2", "de-CH"),
    )


@pytest.mark.parametrize(
    ("forwarded", "truncated", "full"),
    [
        ("203.0.113.77", "203.0.113.0", "203.0.113.77"),
        ("2001:db8:1234:5678:9abc:def0:1234:5678", "2001:db8:1234::", "2001:db8:1234:5678:9abc:def0:1234:5678"),
        ("::ffff:198.51.100.7", "198.51.100.0", "198.51.100.7"),
        ("[2001:db8:1:2::3]:4711", "2001:db8:1::", "2001:db8:1:2::3"),
        # A network card may be called anything.
        ("fe80:0:1:2::3%eth0'\"<", "fe80:0:1::", "fe80:0:1:2::3"),
        # The client that the last proxy of ours saw; what stands before that, any client may have written.
        ("192.0.2.1, 198.51.100.9", "198.51.100.0", "198.51.100.9"),
        ("198.51.100.9, 127.0.0.1", "198.51.100.0", "198.51.100.9"),
        ("198.51.100.9, what?", "127.0.0.0", "127.0.0.1"),
    ],
)
def test_address_is_that_which_proxies_of_ours_heard_and_cut_unless_the_operator_wants_it_whole(
    visit_with: VisitWith, frank_web: WebServer, forwarded: str, truncated: str, full: str
) -> None:
    assert visit_with(from_address(forwarded)).ip == truncated
    assert visit_with(from_address(forwarded), through=frank_web.client).ip == full


def test_client_that_is_no_proxy_of_ours_speaks_for_no_one_else(
    environment: Environment, valkey: "redis.Redis[str]"
) -> None:
    with WebServer(with_own_redis_database(environment) | {"MAIN_TRUSTED_PROXIES": "192.0.2.0/24"}) as web:
        link = create_link(web.client)
        web.client.get(f"/{link['key']}", headers=from_address("203.0.113.77"))
    assert [visit.ip for visit in streamed_visits(valkey, link["key"])] == ["127.0.0.0"]


def test_visitor_is_known_again_by_address_and_program(visit_with: VisitWith) -> None:
    def visitor(address: str, agent: str) -> str | None:
        return visit_with({**from_address(address), "User-Agent": agent}).visitor

    ada = visitor("203.0.113.77", CHROME)

    assert visitor("203.0.113.77", CHROME) == ada
    assert visitor("fe80::1%a", CHROME) == visitor("fe80::1%b", CHROME)
    assert len({ada, visitor("203.0.113.78", CHROME), visitor("203.0.113.77", "curl/8.5.0")}) == 3


@pytest.mark.parametrize("wish", [{"DNT": "1"}, {"Sec-GPC": "1"}])
def test_visitor_who_objects_to_tracking_is_only_counted_unless_the_operator_says_otherwise(
    visit_with: VisitWith, frank_web: WebServer, link: dict[str, Any], wish: Headers
) -> None:
    headers = {
        **wish,
        **from_address("203.0.113.77"),
        "User-Agent": CHROME,
        "Referer": "https://news.example/",
        "Accept-Language": "de",
    }

    assert visit_with(headers)[1:] == (link["key"], None, None, "", "", "")
    known = visit_with(headers, through=frank_web.client)
    assert (known.ip, known.user_agent, known.language) == ("203.0.113.77", CHROME, "de")
    assert visit_with(headers | dict.fromkeys(wish, "0")).user_agent == CHROME


@pytest.mark.parametrize(
    ("name", "sent", "kept"),
    [
        ("User-Agent", "a" * 30_000, "a" * 512),
        ("User-Agent", "", ""),
        ("Referer", f"https://news.example/{'a' * 2027}", f"https://news.example/{'a' * 2027}"),
        ("Referer", f"https://ada:secret@news.example:8443/{'a' * 2048}", "https://news.example:8443"),
        ("Referer", f"https://{'a' * 2048}.example/", ""),
        ("Referer", f"https://[{'a' * 2048}", ""),
        ("Referer", "a" * 2049, ""),
        ("Referer", "javascript:alert(1)", "javascript:alert(1)"),
        ("Referer", "http://slipbin.test/c/secret", ""),
        ("Referer", "https://SLIPBIN.test/c/secret", ""),
        ("Referer", "http://slipbin.test.example/", "http://slipbin.test.example/"),
        ("Referer", "http://slipbin.test:8080/", "http://slipbin.test:8080/"),
        ("Accept-Language", "de;q=0.5", "de"),
        ("Accept-Language", ", en", ""),
        ("Accept-Language", "x" * 36, "x" * 35),
    ],
)
def test_headers_are_kept_up_to_a_bound_and_no_url_of_our_own(
    visit_with: VisitWith, name: str, sent: str, kept: str
) -> None:
    headers = {"User-Agent": "", "Accept-Language": "", name: sent}
    visit = visit_with(headers)
    field = {"User-Agent": "user_agent", "Referer": "referrer", "Accept-Language": "language"}[name]
    assert getattr(visit, field) == kept


@pytest.mark.parametrize("name", ["lan.test:8000", "LAN.test:8000", "[2001:db8::1]:8000"])
def test_referrer_on_the_name_that_we_are_opened_by_is_not_kept(visit_with: VisitWith, name: str) -> None:
    visit = visit_with({"Host": name, "User-Agent": CHROME, "Referer": f"http://{name.lower()}/c/secret"})

    assert (visit.user_agent, visit.referrer) == (CHROME, "")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"caf\xe9 \xff\xfe", "caf\xe9 \xff\xfe"),
        # Others than these, which a terminal would obey, no request may hold.
        (b"tab\tand \x85 and \x9b31m", "taband  and 31m"),
        ("Ümläut 😀".encode(), "\xc3ml\xc3\xa4ut \xf0"),
        (b'"],["\\u0000\\', '"],["\\u0000\\'),
        (b"<script>alert(1)</script>=1+1", "<script>alert(1)</script>=1+1"),
    ],
)
def test_hostile_headers_are_only_text(
    web: WebServer, link: dict[str, Any], valkey: "redis.Redis[str]", sent: bytes, kept: str
) -> None:
    lines = b"".join(name + b": " + sent + b"\r\n" for name in (b"User-Agent", b"Referer", b"Accept-Language"))
    request = f"GET /{link['key']} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()

    (answer,) = exchange(web, request + lines + b"\r\n")

    assert answer.status == 302
    (visit,) = streamed_visits(valkey, link["key"])
    assert (visit.user_agent, visit.referrer) == (kept, kept)
