"""Cookies keep to https and away from scripts, and no address redirects to a host that a visitor named."""

from collections.abc import Iterator
from http.cookies import Morsel, SimpleCookie

import httpx
import pytest

from tests.support.accounts import PASSWORD, new_user
from tests.support.engines import Environment
from tests.support.entries import create_paste
from tests.support.pages import BROWSER, csrf_token, send_form, visible_text
from tests.support.web import WebServer


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

        opened = client.post(
            f"/{paste['key']}/manage",
            data={"token": paste["manage_token"], "csrf_token": csrf_token(home)},
            headers=BROWSER | {"Cookie": f"slipbin_form={form.value}"},
        )

    assert opened.status_code == 303
    for cookie in (form, cookies_set(opened)["slipbin_manage"]):
        assert cookie["secure"], cookie.key
        assert cookie["httponly"], cookie.key
        assert cookie["samesite"].lower() == "lax", cookie.key


def test_session_cookie_goes_over_https_only_for_a_month_and_is_hidden_from_scripts(https_web: WebServer) -> None:
    with https_web.new_client() as client:
        user = new_user(client)
        page = client.get("/sign-in", headers=BROWSER)
        carried = {"Cookie": f"slipbin_form={cookies_set(page)['slipbin_form'].value}"}
        fields = {"csrf_token": csrf_token(page), "name": user.email, "password": PASSWORD}

        session = cookies_set(client.post("/sign-in", data=fields, headers=BROWSER | carried))["slipbin_session"]

        carried["Cookie"] += f"; slipbin_session={session.value}"
        settings = client.get("/settings", headers=BROWSER | carried)
        out = {"csrf_token": csrf_token(settings)}
        cleared = cookies_set(client.post("/sign-out", data=out, headers=BROWSER | carried))["slipbin_session"]
    assert (session["max-age"], session["path"], session["domain"]) == (str(30 * 24 * 3600), "/", "")
    assert (cleared.value, cleared["max-age"]) == ("", "0")
    for cookie in (session, cleared):
        assert cookie["secure"]
        assert cookie["httponly"]
        assert cookie["samesite"].lower() == "lax"


def test_cookies_work_over_plain_http_where_that_is_the_public_address(client: httpx.Client) -> None:
    user = new_user(client)
    page = client.get("/sign-in", headers=BROWSER)
    fields = {"csrf_token": csrf_token(page), "name": user.email, "password": PASSWORD}
    session = cookies_set(client.post("/sign-in", data=fields, headers=BROWSER))["slipbin_session"]

    for cookie in (cookies_set(page)["slipbin_form"], session):
        assert not cookie["secure"]


def test_deleting_on_the_manage_page_clears_the_manage_cookie(client: httpx.Client) -> None:
    paste = create_paste(client)
    manage = f"/{paste['key']}/manage"
    send_form(client, manage, manage, token=paste["manage_token"])
    assert client.cookies.get("slipbin_manage") == paste["manage_token"]

    page = send_form(client, manage, f"{manage}/delete", confirm="yes")

    assert page.status_code == 200
    cleared = cookies_set(page)["slipbin_manage"]
    assert (cleared.value, cleared["path"], cleared["max-age"]) == ("", manage, "0")
    assert "slipbin_manage" not in client.cookies


def test_empty_form_cookie_is_replaced_so_that_the_form_works(client: httpx.Client) -> None:
    home = client.get("/?kind=link", headers=BROWSER | {"Cookie": "slipbin_form="})

    fresh = cookies_set(home)["slipbin_form"]
    assert len(fresh.value) >= 32
    client.cookies.clear()
    sent = client.post(
        "/links",
        data={"original_url": "https://example.org/", "csrf_token": csrf_token(home)},
        headers=BROWSER | {"Cookie": f"slipbin_form={fresh.value}"},
    )
    assert sent.status_code == 200


def test_form_cookie_is_set_once(client: httpx.Client) -> None:
    client.get("/", headers=BROWSER)

    assert "set-cookie" not in client.get("/", headers=BROWSER).headers


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
    """A browser over http keeps no cookie that is for https only, and says nothing of where its requests come from."""
    with https_web.new_client() as client:
        entry = create_paste(client, views=2)
        form = client.get("/", headers=BROWSER)
        fields = {"csrf_token": csrf_token(form), "token": entry["manage_token"]}

        refused = client.post(path.format(key=entry["key"]), data=fields, headers=BROWSER)

    assert refused.status_code == 403
    assert "You opened this page over http, but forms on this site only work over https." in visible_text(refused)
    link = f"https://slipbin.test{page.format(key=entry['key'])}"
    assert f'<a href="{link}">{link}</a>' in refused.text
    assert "cookies are off" not in visible_text(refused)


@pytest.mark.parametrize(
    ("headers", "is_http"),
    [
        ({"X-Forwarded-Proto": "http"}, True),
        ({"X-Forwarded-Proto": "http", "Sec-Fetch-Site": "same-origin"}, True),
        ({"X-Forwarded-Proto": "https"}, False),
        ({"Sec-Fetch-Site": "same-origin"}, False),
    ],
)
def test_form_without_its_cookie_over_https_is_told_of_cookies(
    https_web: WebServer, headers: dict[str, str], is_http: bool
) -> None:
    with https_web.new_client() as client:
        refused = client.post("/sign-in", data={"csrf_token": "x"}, headers=BROWSER | headers)

    assert refused.status_code == 403
    assert ("over http" in visible_text(refused)) == is_http
    assert ("cookies are off" in visible_text(refused)) != is_http


def test_form_over_http_is_fine_where_that_is_the_public_address(client: httpx.Client) -> None:
    refused = client.post("/sign-in", data={"csrf_token": "x"}, headers=BROWSER)

    assert refused.status_code == 403
    assert "cookies are off" in visible_text(refused)
