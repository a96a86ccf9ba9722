"""Cookies keep to https and away from scripts, and no address redirects to a host that a visitor named."""

from collections.abc import Iterator
from http.cookies import Morsel, SimpleCookie

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from main_service.http_server.identified_requests import IdentifiedRequests
from tests.support.accounts import PASSWORD, new_user
from tests.support.engines import Environment
from tests.support.entries import create_paste
from tests.support.pages import BROWSER, visible_text
from tests.support.web import WebServer

HOST_COOKIE = "__Host-slipbin_session"


@pytest.fixture(scope="module")
def https_web(environment: Environment) -> Iterator[WebServer]:
    """A web process that people reach under https, through a proxy that stands in front of it."""
    with WebServer(environment | {"MAIN_PUBLIC_URL": "https://slipbin.test"}) as server:
        yield server


def cookies_set(response: httpx.Response) -> dict[str, "Morsel[str]"]:
    """The cookies that an answer sets, by name, with their attributes."""
    found: SimpleCookie = SimpleCookie()
    for header in response.headers.get_list("set-cookie"):
        found.load(header)
    return dict(found)


def test_cookies_go_over_https_only_and_are_hidden_from_scripts(https_web: WebServer) -> None:
    """Cookies are carried by hand: a client that knows Secure sends none over the http behind the proxy."""
    with https_web.new_client() as client:
        paste = create_paste(client)
        home = client.get("/", headers=BROWSER)
        form = cookies_set(home)["slipbin_form"]

        opened = client.post(f"/{paste['key']}/manage", data={"token": paste["manage_token"]}, headers=BROWSER)

    assert opened.status_code == 303
    for cookie in (form, cookies_set(opened)["__Secure-slipbin_manage"]):
        assert cookie["secure"], cookie.key
        assert cookie["httponly"], cookie.key
        assert cookie["samesite"].lower() == "lax", cookie.key


def test_session_cookie_goes_over_https_only_for_a_month_and_is_hidden_from_scripts(https_web: WebServer) -> None:
    with https_web.new_client() as client:
        user = new_user(client)
        fields = {"name": user.email, "password": PASSWORD}

        session = cookies_set(client.post("/sign-in", data=fields, headers=BROWSER))[HOST_COOKIE]

        carried = BROWSER | {"Cookie": f"{HOST_COOKIE}={session.value}"}
        assert client.get("/settings", headers=carried).status_code == 200
        cleared = cookies_set(client.post("/sign-out", data={"other": ""}, headers=carried))[HOST_COOKIE]
    assert (session["max-age"], session["path"], session["domain"]) == (str(30 * 24 * 3600), "/", "")
    assert (cleared.value, cleared["max-age"]) == ("", "0")
    for cookie in (session, cleared):
        assert cookie["secure"]
        assert cookie["httponly"]
        assert cookie["samesite"].lower() == "lax"


def test_cookies_work_over_plain_http_where_that_is_the_public_address(client: httpx.Client) -> None:
    user = new_user(client)
    page = client.get("/sign-in", headers=BROWSER)
    fields = {"name": user.email, "password": PASSWORD}
    session = cookies_set(client.post("/sign-in", data=fields, headers=BROWSER))["slipbin_session"]

    for cookie in (cookies_set(page)["slipbin_form"], session):
        assert not cookie["secure"]


def test_manage_cookie_of_https_counts_under_either_name(https_web: WebServer) -> None:
    """The other one is of the previous release."""
    with https_web.new_client() as client:
        made = client.post("/pastes", data={"text": "a"}, headers=BROWSER)
        cookie = cookies_set(made)["__Secure-slipbin_manage"]
        manage = f"{cookie['path'].removesuffix('+')}/manage"

        for name in (cookie.key, "slipbin_manage"):
            shown = client.get(manage, headers=BROWSER | {"Cookie": f"{name}={cookie.value}"})
            assert f'action="{manage}/delete"' in shown.text
        forgotten = client.post(manage.replace("manage", "forget"), headers=BROWSER)
    ended = [header for header in forgotten.headers.get_list("set-cookie") if "Max-Age=0" in header]
    assert [header.partition("=")[0] for header in ended] == ["__Secure-slipbin_manage"] * 2 + ["slipbin_manage"]
    assert all("Secure" in header.split("; ") for header in [*made.headers.get_list("set-cookie"), *ended])


def test_empty_form_cookie_is_replaced(client: httpx.Client) -> None:
    home = client.get("/?kind=link", headers=BROWSER | {"Cookie": "slipbin_form="})

    assert len(cookies_set(home)["slipbin_form"].value) >= 32


def test_form_cookie_is_set_once(client: httpx.Client) -> None:
    client.get("/", headers=BROWSER)

    assert "set-cookie" not in client.get("/", headers=BROWSER).headers


async def test_framework_gets_no_quoted_cookie_to_decode() -> None:
    """Python before 3.11.10 takes three seconds for one of 32 KB, in which no other request is answered."""
    seen: list[dict[str, str]] = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(Request(scope).cookies)

    async def send(_: Message) -> None:
        raise AssertionError

    async def receive() -> Message:
        raise AssertionError

    lines = [b'a=1; b="\\101"; slipbin_session=x;c=2', b'd="' + b"\\" * 32_000 + b'"', b"e=3"]
    scope = {"type": "http", "method": "GET", "path": "/", "client": None}
    scope["headers"] = [(b"host", b"x"), *((b"cookie", line) for line in lines)]

    await IdentifiedRequests(app, trusted_proxies=(), access_log=None)(scope, receive, send)

    assert seen == [{"a": "1", "slipbin_session": "x", "c": "2", "e": "3"}]


@pytest.mark.parametrize("address", ["/docs/", "/redoc/", "/openapi.json/", "/pastes/", "/api/v1/pastes/", "/static"])
def test_slash_too_many_or_too_few_never_redirects_to_a_foreign_host(client: httpx.Client, address: str) -> None:
    for accept in ("text/html", "*/*"):
        response = client.get(address, headers={"Host": "foreign.test", "Accept": accept})

        without = address.removesuffix("/")
        expected = (404, None) if without == address else (308, f"http://slipbin.test{without}")
        assert (response.status_code, response.headers.get("location")) == expected
        assert "foreign.test" not in response.text


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/links", "/"),
        ("/pastes", "/"),
        ("/sign-in", "/sign-in"),
        ("/register", "/register"),
        ("/reset", "/"),
        ("/{key}/reveal", "/{key}/reveal"),
        ("/{key}/manage", "/{key}/manage"),
    ],
)
def test_form_that_was_opened_over_http_says_so_and_leads_to_the_page_under_https(
    https_web: WebServer, path: str, page: str
) -> None:
    """A browser over http keeps no cookie that is for https only."""
    with https_web.new_client() as client:
        entry = create_paste(client, views=2)
        headers = BROWSER | {"Origin": "http://slipbin.test"}

        refused = client.post(path.format(key=entry["key"]), data={"token": entry["manage_token"]}, headers=headers)

    assert refused.status_code == 403
    assert "You opened this page over http, but forms on this site only work over https" in visible_text(refused)
    link = f"https://slipbin.test{page.format(key=entry['key'])}"
    assert f'<a href="{link}">{link}</a>' in refused.text
    assert "another site" not in visible_text(refused)


@pytest.mark.parametrize(
    ("origin", "host", "is_http"),
    [
        ("http://slipbin.test", "slipbin.test", True),
        ("http://slipbin.test:8000", "slipbin.test:8000", True),
        ("http://192.0.2.1", "192.0.2.1", True),
        ("https://192.0.2.1", "192.0.2.1", False),
        ("https://slipbin.test", "inner.test", False),
    ],
)
def test_form_of_a_page_that_was_opened_over_http_is_told_of_https(
    https_web: WebServer, origin: str, host: str, *, is_http: bool
) -> None:
    headers = BROWSER | {"Origin": origin, "Host": host}
    with https_web.new_client() as client:
        page = client.post("/sign-in", data={"name": "x"}, headers=headers)
        called = client.post("/api/v1/links", json={}, headers={"Origin": origin, "Host": host})

    assert (page.status_code, "over http" in visible_text(page)) == ((403, True) if is_http else (401, False))
    assert called.json()["code"] == "invalid_input", "the API needs no cookies"


def test_foreign_form_is_told_so_whatever_its_scheme(https_web: WebServer) -> None:
    with https_web.new_client() as client:
        for origin in ("http://foreign.test", "https://foreign.test", "https://slipbin.test:8443", "null"):
            refused = client.post("/sign-in", data={"name": "x"}, headers=BROWSER | {"Origin": origin})
            assert (refused.status_code, "another site's page" in visible_text(refused)) == (403, True)


def test_form_over_http_is_fine_where_that_is_the_public_address(client: httpx.Client) -> None:
    answer = client.post("/sign-in", data={"name": "x"}, headers=BROWSER | {"Origin": "http://slipbin.test"})

    assert answer.status_code == 401
