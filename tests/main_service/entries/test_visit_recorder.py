"""What is recorded of a visit, which requests are one, and that each is recorded once."""

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from typing import Any

import httpx
import pytest
import redis

from tests.support.accounts import bearer, new_user, register_on_page, sign_in
from tests.support.engines import Environment
from tests.support.entries import Headers, create_link, create_paste, manage_headers
from tests.support.pages import BROWSER, CURL, FOREIGN, send_urlencoded_form
from tests.support.raw_http import exchange
from tests.support.visits import (
    StreamedVisit,
    count_streamed_visits,
    read_batches,
    streamed_visits,
    with_own_redis_database,
)
from tests.support.web import WebServer

VISITS = 2000
CLIENTS = 16
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
SLACKBOT = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"

Read = Callable[[httpx.Client], httpx.Response]


@pytest.fixture(scope="module", params=["true", "false"], ids=["fast", "plain"])
def web(request: pytest.FixtureRequest, environment: Environment) -> Iterator[WebServer]:
    """Its clients speak for others as a proxy does. With and without the fast path all is the same."""
    settings = {"MAIN_TRUSTED_PROXIES": "127.0.0.1", "MAIN_FAST_PATH": request.param}
    with WebServer(with_own_redis_database(environment) | settings) as server:
        yield server


@pytest.fixture(scope="module")
def frank_web(environment: Environment) -> Iterator[WebServer]:
    """It keeps what it learns."""
    settings = {"MAIN_TRUSTED_PROXIES": "127.0.0.1", "MAIN_VISIT_IP": "full", "MAIN_VISIT_RESPECT_DNT": "false"}
    with WebServer(with_own_redis_database(environment) | settings) as server:
        yield server


@pytest.fixture
def valkey(environment: Environment) -> Iterator["redis.Redis[str]"]:
    with redis.Redis.from_url(
        with_own_redis_database(environment)["MAIN_REDIS_URL"], decode_responses=True
    ) as connection:
        yield connection


@pytest.fixture
def link(client: httpx.Client) -> dict[str, Any]:
    return create_link(client)


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


def reveal(client: httpx.Client, key: str) -> httpx.Response:
    return client.post(f"/{key}/reveal", data={"other": ""}, headers=BROWSER)


def test_every_visit_of_a_crowd_is_recorded_once_and_nothing_else_is(
    web: WebServer, client: httpx.Client, valkey: "redis.Redis[str]"
) -> None:
    links = [create_link(client)["key"] for _ in range(3)]
    pastes = [create_paste(client)["key"] for _ in range(3)]
    limited_link = create_link(client, views=VISITS)["key"]
    limited_paste = create_paste(client, views=VISITS)["key"]
    ended = create_paste(client)
    client.delete(f"/api/v1/entries/{ended['key']}", headers=manage_headers(ended))
    (link, *_), (paste, *_) = links, pastes
    ahead = BROWSER | {"Sec-Purpose": "prefetch;prerender"}

    visits: list[tuple[str, int, Read]] = [
        *((key, 302, lambda c, key=key: c.get(f"/{key}")) for key in links * 4),
        *((key, 200, lambda c, key=key: c.get(f"/{key}/raw")) for key in pastes),
        *((key, 200, lambda c, key=key: c.get(f"/{key}", headers=BROWSER)) for key in pastes),
        *((key, 200, lambda c, key=key: c.get(f"/{key}")) for key in pastes),
        *((key, 200, lambda c, key=key: c.get(f"/api/v1/entries/{key}/text")) for key in pastes),
        (link, 302, lambda c: c.get(f"/{link}", headers={"User-Agent": SLACKBOT})),
        (limited_link, 302, lambda c: c.get(f"/{limited_link}", headers=CURL)),
        (limited_link, 303, lambda c: reveal(c, limited_link)),
        (limited_paste, 200, lambda c: c.get(f"/{limited_paste}/raw", headers=CURL)),
        (limited_paste, 200, lambda c: reveal(c, limited_paste)),
    ]
    no_visits: list[tuple[int, Read]] = [
        (302, lambda c: c.head(f"/{link}")),
        (200, lambda c: c.head(f"/{paste}")),
        (200, lambda c: c.head(f"/{paste}/raw")),
        (302, lambda c: c.get(f"/{link}", headers=ahead)),
        (302, lambda c: c.get(f"/{link}", headers={"Purpose": "prefetch"})),
        (302, lambda c: c.get(f"/{link}", headers={"X-Moz": "prefetch"})),
        (302, lambda c: c.get(f"/{link}", headers={"X-Purpose": "preview"})),
        (200, lambda c: c.get(f"/{paste}/raw", headers=ahead)),
        (200, lambda c: c.get(f"/api/v1/entries/{paste}/text", headers=ahead)),
        (200, lambda c: c.get(f"/{link}+")),
        (302, lambda c: c.get(f"/{paste}+")),
        (303, lambda c: c.get(f"/{paste}/reveal")),
        (200, lambda c: c.get(f"/api/v1/entries/{paste}")),
        (404, lambda c: c.get(f"/api/v1/entries/{link}/text")),
        (404, lambda c: c.get(f"/{link}/raw")),
        (404, lambda c: c.get("/never-used")),
        (410, lambda c: c.get(f"/{ended['key']}")),
        (410, lambda c: c.get(f"/{ended['key']}/raw")),
        (410, lambda c: c.get(f"/api/v1/entries/{ended['key']}/text")),
        (200, lambda c: c.get(f"/{limited_link}", headers=BROWSER)),
        (403, lambda c: c.get(f"/{limited_paste}/raw", headers={"User-Agent": SLACKBOT})),
        (403, lambda c: c.post(f"/{limited_paste}/reveal", data={"other": ""}, headers=BROWSER | FOREIGN[0])),
        (200, lambda c: c.get("/", headers=BROWSER)),
    ]
    work = list(zip(islice(cycle(visits), VISITS), cycle(no_visits), strict=False))

    def go(share: int) -> Counter[str]:
        answered: Counter[str] = Counter()
        with web.new_client() as visitor:
            for number, ((key, status, visit), (other_status, other)) in enumerate(work[share::CLIENTS]):
                response = visit(visitor)
                assert response.status_code == status, (key, response.status_code, response.text)
                answered[key] += 1
                if number % 3 == 0:
                    response = other(visitor)
                    assert response.status_code == other_status, (response.request.url, response.status_code)
        return answered

    with ThreadPoolExecutor(CLIENTS) as pool:
        answered = sum(pool.map(go, range(CLIENTS)), Counter[str]())

    assert answered.total() == VISITS
    assert count_streamed_visits(valkey, [*answered, ended["key"], "never-used"]) == answered
    told: dict[str, list[StreamedVisit]] = {}
    for batch_id, visits in read_batches(valkey):
        if not {visit.key for visit in visits} & answered.keys():
            # Of another test, which may have broken Redis.
            continue
        # On a slow machine Redis may take too long for a batch, which is added again then.
        assert set(visits) <= set(told.setdefault(batch_id, visits)), "two batches have one id"


def test_each_kind_of_answer_that_is_no_visit_is_not_recorded(client: httpx.Client, valkey: "redis.Redis[str]") -> None:
    """One by one, so that none hides behind another."""
    link, paste = create_link(client)["key"], create_paste(client)["key"]
    limited = create_paste(client, views=5)["key"]
    ended = create_link(client)
    client.delete(f"/api/v1/entries/{ended['key']}", headers=manage_headers(ended))
    requests: list[tuple[str, str, Headers]] = [
        ("HEAD", f"/{link}", {}),
        ("HEAD", f"/{paste}", BROWSER),
        ("HEAD", f"/{paste}/raw", {}),
        ("HEAD", f"/{limited}", {}),
        ("HEAD", f"/{limited}", CURL),
        ("GET", f"/{limited}", {}),
        ("GET", f"/{limited}", CURL | {"Purpose": "prefetch"}),
        ("GET", f"/{link}", {"Sec-Purpose": "prefetch"}),
        ("GET", f"/{link}", {"Sec-Purpose": "prefetch;prerender"}),
        ("GET", f"/{link}", {"Purpose": "prefetch"}),
        ("GET", f"/{link}", {"X-Purpose": "preview"}),
        ("GET", f"/{link}", {"X-Moz": "prefetch"}),
        ("GET", f"/{paste}", BROWSER | {"Sec-Purpose": "prefetch"}),
        ("GET", f"/{paste}/raw", {"Sec-Purpose": "prefetch"}),
        ("GET", f"/api/v1/entries/{paste}/text", {"Sec-Purpose": "prefetch"}),
        ("GET", f"/{link}+", {}),
        ("GET", f"/{paste}+", {}),
        ("GET", f"/{paste}/reveal", {}),
        ("POST", f"/{paste}/reveal", FOREIGN[0]),
        ("GET", f"/api/v1/entries/{link}", {}),
        ("GET", f"/{link}/raw", {}),
        ("GET", f"/{limited}", BROWSER),
        ("GET", f"/{limited}", {"User-Agent": SLACKBOT}),
        ("GET", f"/{limited}/raw", {"User-Agent": SLACKBOT}),
        ("GET", f"/api/v1/entries/{limited}/text", {"User-Agent": SLACKBOT}),
        ("POST", f"/{limited}/reveal", FOREIGN[0]),
        ("GET", f"/{ended['key']}", {}),
        ("GET", f"/{ended['key']}/raw", {}),
    ]
    for method, path, headers in requests:
        form = {"other": ""} if method == "POST" else None
        response = client.request(method, path, headers=headers, data=form)
        assert response.status_code < 500, path
        recorded = count_streamed_visits(valkey, [link, paste, limited, ended["key"]])
        assert not recorded, (method, path, headers, response.status_code)


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
        # Whom the last proxy of ours has heard; what stands before that, anybody may have written.
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


def test_who_is_no_proxy_of_ours_speaks_for_nobody_else(environment: Environment, valkey: "redis.Redis[str]") -> None:
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
def test_who_does_not_want_to_be_known_is_counted_only_unless_the_operator_says_otherwise(
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


def test_own_visits_count_until_their_owner_says_otherwise_in_the_api(
    client: httpx.Client, valkey: "redis.Redis[str]"
) -> None:
    owner, other = new_user(client), new_user(client)
    api_token = client.post("/api/v1/tokens", json={"name": "script"}, headers=owner.headers).json()["token"]
    paste = create_paste(client, headers=owner.headers, visibility="private")["key"]
    shared = create_paste(client, headers=owner.headers)["key"]
    guests = create_paste(client)["key"]

    def change(counts: object) -> httpx.Response:
        return client.patch("/api/v1/users/me", json={"counts_own_visits": counts}, headers=owner.headers)

    def read(key: str, headers: Headers) -> None:
        assert client.get(f"/api/v1/entries/{key}/text", headers=headers).status_code == 200

    def read_all() -> None:
        for key in (paste, shared):
            for headers in (owner.headers, bearer(api_token)):
                read(key, headers)
        read(shared, other.headers)
        read(shared, {})
        read(guests, owner.headers)

    assert client.get("/api/v1/users/me", headers=owner.headers).json()["counts_own_visits"] is True
    read_all()
    assert count_streamed_visits(valkey, [paste, shared, guests]) == {paste: 2, shared: 4, guests: 1}
    answer = change(counts=False)
    assert (answer.status_code, answer.json()["counts_own_visits"]) == (200, False)
    read_all()
    assert count_streamed_visits(valkey, [paste, shared, guests]) == {paste: 2, shared: 6, guests: 2}
    assert client.patch("/api/v1/users/me", json={}, headers=owner.headers).json()["counts_own_visits"] is False
    assert change(counts=None).status_code == 422
    assert change(counts=True).json()["counts_own_visits"] is True
    read_all()
    assert count_streamed_visits(valkey, [paste, shared, guests]) == {paste: 4, shared: 10, guests: 3}


def test_own_visits_count_until_their_owner_says_otherwise_on_the_page(
    web: WebServer, client: httpx.Client, valkey: "redis.Redis[str]"
) -> None:
    user = register_on_page(client)
    owner = bearer(sign_in(client, user["email"])["access_token"])
    link, paste = create_link(client, headers=owner)["key"], create_paste(client, headers=owner)["key"]
    limited = create_paste(client, headers=owner, views=10)["key"]

    def read_all(visitor: httpx.Client) -> None:
        assert visitor.get(f"/{link}").status_code == 302
        assert visitor.get(f"/{paste}/raw").status_code == 200
        assert visitor.get(f"/{paste}", headers=BROWSER).status_code == 200
        assert reveal(visitor, limited).status_code == 200

    def is_checked(page: httpx.Response) -> bool:
        (box,) = re.findall(r'<input type="checkbox"[^>]*name="counts_own_visits"[^>]*>', page.text)
        return " checked" in box

    each = Counter({link: 1, paste: 2, limited: 1})
    assert is_checked(client.get("/settings", headers=BROWSER))
    read_all(client)
    assert count_streamed_visits(valkey, each) == each

    done = send_urlencoded_form(client, "/settings", "/settings/visits")

    assert (done.status_code, "Your own visits do not count." in done.text, is_checked(done)) == (200, True, False)
    read_all(client)
    assert count_streamed_visits(valkey, each) == each
    with web.new_client() as guest:
        read_all(guest)
    assert count_streamed_visits(valkey, each) == each + each
    done = send_urlencoded_form(client, "/settings", "/settings/visits", counts_own_visits="yes")
    assert (done.status_code, "Your own visits count." in done.text, is_checked(done)) == (200, True, True)
    read_all(client)
    assert count_streamed_visits(valkey, each) == each + each + each
