"""MAIN_DOORS: a door that is switched off is not there, whatever others are."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from main_service.app import create_app
from main_service.settings import Settings
from main_service.web.templating import create_templates
from tests.support.accounts import new_user, sign_in_on_page
from tests.support.engines import Environment
from tests.support.entries import create_paste
from tests.support.pages import BROWSER, CURL
from tests.support.settings import VALID_SETTINGS
from tests.support.web import WebServer

ROUTES = {
    "haste": {"POST /documents", "GET /documents/{key}", "GET /raw/{key}"},
    "pastebinit": {"POST /pastebinit", "POST /api/v2", "POST /api/v2/"},
    "0x0": {"POST /{key}"},
    "pinnwand": {"POST /api/v1/paste", "GET /api/v1/paste/{key}", "GET /api/v1/lexer", "GET /api/v1/expiry"},
    "yourls": {"GET /yourls-api.php", "POST /yourls-api.php"},
    "shlink": {"POST /rest/v3/short-urls", "GET /rest/v3/tags", "GET /rest/v3/health", "GET /rest/health"},
    "bitly": {"POST /v4/shorten", "POST /v4/expand", "GET /v4/user", "GET /v4/bitlinks/{host}/{key}/clicks"},
    "sharex": {"GET /clients/sharex-text.sxcu", "GET /clients/sharex-url.sxcu"},
}


@pytest.fixture(scope="module")
def only_curl(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment | {"MAIN_DOORS": "curl"}) as server:
        yield server


@pytest.fixture(scope="module")
def only_pinnwand(environment: Environment) -> Iterator[WebServer]:
    """A service that has no door at `/`, and short lifetimes for guests."""
    lifetimes = {"MAIN_GUEST_LIFETIME": "PT1H", "MAIN_GUEST_MAX_LIFETIME": "P2D"}
    with WebServer(environment | lifetimes | {"MAIN_DOORS": "pinnwand"}) as server:
        yield server


@pytest.mark.parametrize("door", ROUTES)
def test_door_can_be_the_only_one(door: str) -> None:
    app = create_app(Settings(**VALID_SETTINGS, doors=door))
    there = {
        f"{method} {route.path_format}" for route in iter_route_contexts(app.routes) for method in route.methods or ()
    }

    for other, routes in ROUTES.items():
        assert routes <= there if other == door else not routes & there


def test_all_can_be_switched_off() -> None:
    assert Settings(**VALID_SETTINGS, doors="none").doors == frozenset()


def test_what_is_switched_off_answers_nothing_and_adds_nothing(only_curl: WebServer) -> None:
    client: httpx.Client = only_curl.client
    key = create_paste(client)["key"]

    for method, path in (("POST", "/pastebinit"), ("POST", "/documents"), ("POST", f"/{key}")):
        assert client.request(method, path, data={"text": "a"}).status_code == 405
    for method, path in (("POST", "/api/v1/paste"), ("POST", "/api/v2"), ("GET", f"/raw/{key}")):
        assert client.request(method, path).status_code == 404
    made = client.post("/", files={"file": ("a.txt", b"text"), "expires": (None, "24")})
    assert made.status_code == 201
    assert not {"x-token", "x-expires"} & made.headers.keys()
    entry = client.get(f"/api/v1/entries/{made.text.strip().rpartition('/')[2]}").json()
    assert entry["expires_at"][:10] != entry["created_at"][:10]


@pytest.mark.parametrize(("door", "is_named"), [("curl", True), ("haste", False)])
def test_home_page_names_curl_where_its_door_is_open(door: str, is_named: bool) -> None:
    templates = create_templates(Settings(**VALID_SETTINGS, doors=door))
    assert templates.globals["takes_curl"] is is_named


def test_home_page_shows_the_call_with_this_host(only_curl: WebServer) -> None:
    assert "curl -T app.log http://slipbin.test/<" in only_curl.client.get("/", headers=BROWSER).text


def test_page_of_a_paste_shows_the_call_that_reads_it_if_it_needs_no_token_and_uses_no_view(
    only_curl: WebServer,
) -> None:
    with only_curl.new_client() as client:
        owner = new_user(client)

        def shows_call(entry: dict[str, Any]) -> bool:
            return f"<code>curl {entry['url']}</code>" in client.get(f"/{entry['key']}", headers=BROWSER).text

        open_to_all = create_paste(client, text="to read")
        assert shows_call(open_to_all)
        assert client.get(f"/{open_to_all['key']}", headers=CURL).text == "to read"
        assert shows_call(create_paste(client, headers=owner.headers))
        private = create_paste(client, headers=owner.headers, visibility="private")
        assert client.get(f"/{private['key']}", headers=CURL).status_code == 404
        sign_in_on_page(client, owner.email)
        assert not shows_call(private)
        limited = create_paste(client, views=3)
        shown = client.post(f"/{limited['key']}/reveal", data={"other": ""}, headers=BROWSER)
        assert (shown.status_code, "curl " in shown.text) == (200, False)


def test_curls_door_that_is_off_takes_nothing(only_pinnwand: WebServer) -> None:
    client = only_pinnwand.client
    for method, path in (("PUT", "/x"), ("POST", "/"), ("PUT", "/"), ("DELETE", "/some-key")):
        assert client.request(method, path, content=b"a").status_code == 405
    assert "<html" in client.get("/").text
    assert client.post("/api/v1/pastes", json={"text": "a"}).status_code == 201


def test_lifetimes_that_are_too_long_are_not_offered(only_pinnwand: WebServer) -> None:
    user = new_user(only_pinnwand.client)

    assert list(only_pinnwand.client.get("/api/v1/expiry").json()) == ["1hour", "1day"]
    assert "1year" in only_pinnwand.client.get("/api/v1/expiry", headers=user.headers).json()
