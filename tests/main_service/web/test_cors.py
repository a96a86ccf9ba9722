"""Pages of other sites may ask the API and the doors, without cookies; what they send needs a token that counts."""

import re
from collections.abc import Iterator

import httpx
import pytest

from main_service.web.cors import AllowedOrigins
from tests.support.accounts import PASSWORD, create_api_token, new_email, new_user
from tests.support.engines import Environment
from tests.support.entries import create_paste, list_entry_keys, manage_headers
from tests.support.pages import FOREIGN
from tests.support.raw_http import Answer, exchange
from tests.support.routes import changing_routes
from tests.support.web import WebServer

SITE = "https://app.example.org"
ALLOW_ORIGIN, EXPOSE = "access-control-allow-origin", "access-control-expose-headers"
ORIGIN = {"Origin": SITE, "Sec-Fetch-Site": "cross-site"}


def preflight(client: httpx.Client, method: str, path: str, site: str = SITE) -> httpx.Response:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
    return client.options(path, headers={"Origin": site, **asked})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/pastes"),
        ("GET", "/api/v1/entries/some-key"),
        ("PATCH", "/api/v1/nothing/there"),
        ("PUT", "/notes.txt"),
        ("DELETE", "/some-key"),
        ("POST", "/"),
        ("PUT", "/"),
    ],
)
def test_preflight_is_answered_for_a_day(client: httpx.Client, method: str, path: str) -> None:
    answer = preflight(client, method, path)

    assert (answer.status_code, answer.content, answer.headers[ALLOW_ORIGIN]) == (204, b"", "*")
    assert answer.headers["access-control-max-age"] == "86400"
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "x-api-key", "x-manage-token", "content-type", "idempotency-key"} <= set(allowed)
    assert {"expires", "views", "syntax", "alias", "visibility", "title"} <= set(allowed)
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/links"),
        ("POST", "/pastes"),
        ("POST", "/sign-in"),
        ("POST", "/some-key/manage/delete"),
        ("GET", "/settings"),
        ("GET", "/some-key"),
        ("GET", "/"),
    ],
)
def test_pages_are_not_opened(client: httpx.Client, method: str, path: str) -> None:
    answer = preflight(client, method, path)

    assert answer.status_code in (404, 405)
    assert ALLOW_ORIGIN not in answer.headers
    assert ALLOW_ORIGIN not in client.request(method, path, headers=ORIGIN).headers


def test_each_answer_can_be_read_by_scripts_of_other_sites(client: httpx.Client) -> None:
    paste = create_paste(client)
    answers = [
        client.get(f"/api/v1/entries/{paste['key']}", headers=ORIGIN),
        client.get(f"/api/v1/entries/{paste['key']}/text"),
        client.get("/api/v1/entries/unknown-key", headers=ORIGIN),
        client.post("/api/v1/pastes", json={"text": "a"}, headers=ORIGIN | {"Authorization": "Bearer x"}),
        client.post("/api/v1/pastes", json={"text": "a"}, headers=ORIGIN),
        client.get("/api/v1/nothing"),
        client.request("TRACE", "/api/v1/pastes"),
        client.put("/x", content=b"a"),
        client.put("/x", content=b"\xff", headers={"X-Api-Key": "x", **ORIGIN}),
        client.put("/x", content=b"a", headers=ORIGIN),
        client.post("/api/v1/links", content=b"x" * 200_000),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 404, 401, 403, 404, 405, 201, 401, 403, 413]
    for answer in answers:
        assert answer.headers[ALLOW_ORIGIN] == "*", answer.request.url
        assert answer.headers[EXPOSE] == "Location, X-Manage-Token, ETag, Retry-After, RateLimit, RateLimit-Policy"
        assert "access-control-allow-credentials" not in answer.headers


MEANINGLESS = [
    {"Authorization": "Bearer meaningless"},
    {"Authorization": "Bearer"},
    {"X-Api-Key": "meaningless"},
    {"X-Api-Key": ""},
    {"X-Manage-Token": "meaningless"},
    {"X-Manage-Token": ""},
    {"Authorization": "Basic eDp4"},
]


@pytest.mark.parametrize("token", MEANINGLESS)
def test_token_that_means_nothing_lets_no_site_change_anything(client: httpx.Client, token: dict[str, str]) -> None:
    reachable = 0
    for route in changing_routes():
        assert route.change
        path = re.sub(r"\{.*?\}", "some-key", route.path)
        if preflight(client, route.method, path).status_code == 204:
            reachable += 1
            body = route.change.body or {}
            answers = [
                client.request(route.method, path, headers=FOREIGN[0] | token, **sent)
                for sent in ({"json": body}, {"data": body})
            ]
            statuses = {answer.status_code for answer in answers}
            # Some bodies are read before the token.
            assert min(statuses) >= 400, (route.name, statuses)
            assert statuses & {401, 403, 404} or route.change.what != "entry", (route.name, statuses)
    assert reachable > 20


def test_site_with_a_token_of_its_user_may_write(client: httpx.Client) -> None:
    user = new_user(client)
    token = create_api_token(client, user)
    guests = create_paste(client)

    for headers in ({"Authorization": f"Bearer {token}"}, {"X-Api-Key": token}):
        assert client.put("/x", content=b"a", headers=ORIGIN | headers).status_code == 201
    assert client.post("/api/v1/pastes", json={"text": "a"}, headers=ORIGIN | user.headers).status_code == 201
    assert len(list_entry_keys(client, user)) == 3
    changed = client.put(f"/{guests['key']}", content=b"after", headers=ORIGIN | manage_headers(guests))
    assert changed.status_code == 200
    assert client.delete(f"/{guests['key']}", headers=ORIGIN | manage_headers(guests)).status_code == 204


def test_no_site_signs_its_visitors_in(client: httpx.Client) -> None:
    user = new_user(client)
    for path, body in (
        ("token", {"username": user.email, "password": PASSWORD}),
        ("register", {"email": new_email(), "password": PASSWORD}),
    ):
        answer = client.post(f"/api/v1/auth/{path}", data=body, headers=ORIGIN | {"Authorization": "Bearer x"})
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


@pytest.fixture(scope="module")
def listed_web(environment: Environment) -> Iterator[WebServer]:
    """A service that two sites may ask."""
    with WebServer(environment | {"MAIN_CORS_ORIGINS": f"{SITE}, HTTP://Other.example.org:8080/"}) as server:
        yield server


@pytest.fixture(scope="module")
def listed_client(listed_web: WebServer) -> httpx.Client:
    return listed_web.client


@pytest.mark.parametrize("site", [SITE, "http://other.example.org:8080"])
def test_listed_site_is_named_and_caches_are_told(listed_client: httpx.Client, site: str) -> None:
    assert preflight(listed_client, "POST", "/api/v1/pastes", site).headers[ALLOW_ORIGIN] == site
    answer = listed_client.get("/api/v1/entries/unknown-key", headers={"Origin": site})
    assert answer.headers[ALLOW_ORIGIN] == site
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("site", ["https://app.example.org.evil.test", "http://app.example.org", "null", ""])
def test_site_that_is_not_listed_may_read_nothing(listed_client: httpx.Client, site: str) -> None:
    asked = preflight(listed_client, "POST", "/api/v1/pastes", site)
    assert (asked.status_code, ALLOW_ORIGIN in asked.headers) == (405, False)
    answer = listed_client.get("/api/v1/entries/unknown-key", headers={"Origin": site})
    assert ALLOW_ORIGIN not in answer.headers
    assert "Origin" in answer.headers["vary"]
    assert "Origin" in listed_client.get("/api/v1/entries/unknown-key").headers["vary"], "the same for all in a cache"


def test_none_is_no_site(environment: Environment) -> None:
    with WebServer(environment | {"MAIN_CORS_ORIGINS": "none"}) as closed:
        assert preflight(closed.client, "POST", "/api/v1/pastes").status_code == 405
        assert ALLOW_ORIGIN not in closed.client.get("/api/v1/entries/unknown-key", headers=ORIGIN).headers
        for refused in refused_before_the_application(closed, SITE):
            assert ALLOW_ORIGIN not in refused.headers


def refused_before_the_application(web: WebServer, site: str | None) -> list[Answer]:
    """Answers to requests whose head is too large, is ambiguous, or is no HTTP behind its first lines."""
    origin = f"Origin: {site}\r\n" if site else ""
    start = f"GET /api/v1/entries/some-key HTTP/1.1\r\nHost: x\r\n{origin}"
    ends = (f"X-Long: {'a' * 40_000}\r\n\r\n", "Host: y\r\n\r\n", "Accept: */*\r\nno header\r\n\r\n")
    answers = [answer for end in ends for answer in exchange(web, f"{start}{end}".encode())]
    assert [answer.status for answer in answers] == [431, 400, 400]
    return answers


def test_refusal_before_the_application_can_be_read(web: WebServer, listed_web: WebServer) -> None:
    for site in (SITE, None):
        for answer in refused_before_the_application(web, site):
            assert (answer.headers[ALLOW_ORIGIN], "Retry-After" in answer.headers[EXPOSE]) == ("*", True)
            assert "vary" not in answer.headers
    for site, allowed in ((SITE, SITE), ("https://other.test", None), (None, None)):
        for answer in refused_before_the_application(listed_web, site):
            assert answer.headers.get(ALLOW_ORIGIN) == allowed
            assert answer.headers["vary"] == "Origin"


def test_refusal_of_a_whole_connection_names_the_only_site() -> None:
    """Nothing has been read then, so nothing tells whose script it is."""
    only, several = AllowedOrigins(frozenset([SITE])), AllowedOrigins(frozenset([SITE, "https://other.test"]))

    assert only.headers_of_refusal(None)[ALLOW_ORIGIN] == SITE
    assert ALLOW_ORIGIN not in several.headers_of_refusal(None)
    assert ALLOW_ORIGIN not in only.headers_of_refusal("https://other.test")
