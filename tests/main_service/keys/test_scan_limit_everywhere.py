"""No address that takes a key passes the scan limit by."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.accounts import User, new_user, sign_in_on_page
from tests.support.collections import create_collection, entries_path
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers, new_alias
from tests.support.pages import BROWSER
from tests.support.routes import all_routes
from tests.support.web import WebServer, use_new_address

MOST = 4
NAMES = ("{key}", "{entry_key}", "{shared_key}")
# What the client learns here is the same for every key.
SAYS_NOTHING = {"DELETE /api/v1/collections/{collection_id}/entries/{entry_key}", "POST /{key}/forget"}
OF_ONES_OWN = ("/rest/v3/", "/v4/bitlinks/")
"""Routes that know the entries of the asking user alone, so that one of another and none are the same."""
BODIES: dict[str, dict[str, Any]] = {
    "PATCH /api/v1/entries/{key}": {"title": "theirs"},
    "PATCH /rest/v3/short-urls/{key}": {"title": "theirs"},
    "POST /rest/v3/short-urls/{key}/redirect-rules": {"redirectRules": []},
    "PATCH /v4/bitlinks/{host}/{key}": {"title": "theirs"},
    "POST /{key}/manage/expiry": {"lifetime": "PT1H"},
    "POST /{key}/manage/delete": {"confirm": "yes"},
    "POST /{key}/edit": {"title": "theirs"},
    "POST /{key}/manage/edit": {"title": "theirs"},
    "POST /{key}": {"token": "a" * 43, "delete": ""},
    "POST /{key}/manage": {"token": "a" * 43},
}


@pytest.fixture(scope="module")
def scan_limited_web(environment: Environment) -> Iterator[WebServer]:
    """A web process with a low limit that believes what `X-Forwarded-For` says."""
    with WebServer(
        environment | {"MAIN_UNKNOWN_KEYS_PER_MINUTE": str(MOST), "MAIN_TRUSTED_PROXIES": "127.0.0.1"}
    ) as server:
        yield server


@pytest.fixture
def scan_limited_client(scan_limited_web: WebServer) -> Iterator[httpx.Client]:
    """A client with an address that was not used before."""
    with scan_limited_web.new_client() as client:
        use_new_address(client)
        yield client


def routes_with_keys() -> list[str]:
    """`METHOD /path` of each; a `HEAD` is answered as its `GET`."""
    return sorted(route.name for route in all_routes() if any(name in route.path for name in NAMES))


def use_up(client: httpx.Client) -> None:
    for _ in range(MOST):
        assert client.get(f"/{new_alias()}").status_code == 404


def ask(client: httpx.Client, route: str, *, user: User, collection_id: str) -> httpx.Response:
    method, _, path = route.partition(" ")
    for name in NAMES:
        path = path.replace(name, new_alias())
    path = path.replace("{collection_id}", collection_id).replace("{extension}", "py")
    body = BODIES.get(route, {})
    if path.startswith(("/api/", "/rest/", "/v4/")) or method in ("PUT", "DELETE"):
        return client.request(method, path, json=body or None, headers=user.headers)
    if method == "POST":
        return client.post(path, data=body or {"other": ""}, headers=BROWSER)
    return client.get(path, headers=BROWSER)


def test_no_route_that_takes_a_key_passes_the_limit_by(
    environment: Environment, scan_limited_client: httpx.Client
) -> None:
    user = new_user(scan_limited_client)
    sign_in_on_page(scan_limited_client, user.email)
    collection_id = create_collection(scan_limited_client, user)["id"]
    routes = routes_with_keys()
    assert len(routes) > 20
    assert set(routes) >= SAYS_NOTHING | set(BODIES)

    passed_by = {}
    for route in routes:
        use_new_address(scan_limited_client)
        use_up(scan_limited_client)
        answer = ask(scan_limited_client, route, user=user, collection_id=collection_id)
        if route.partition(" ")[2].startswith(OF_ONES_OWN):
            assert answer.status_code == 404, route
        elif answer.status_code != 429 and route not in SAYS_NOTHING and not leads_elsewhere(route, answer):
            passed_by[route] = answer.status_code

    assert passed_by == {}


def leads_elsewhere(route: str, answer: httpx.Response) -> bool:
    """A redirect to the page that a form belongs to, which is the same for every key."""
    return route.startswith("GET ") and answer.status_code == 303


def test_each_unknown_key_of_a_list_counts(scan_limited_client: httpx.Client, scan_limited_web: WebServer) -> None:
    user, stranger = new_user(scan_limited_client), new_user(scan_limited_web.client)
    collection = create_collection(scan_limited_client, user)
    known = create_link(scan_limited_client)["key"]
    ended = create_paste(scan_limited_client)
    assert (
        scan_limited_client.delete(f"/api/v1/entries/{ended['key']}", headers=manage_headers(ended)).status_code == 204
    )
    private = create_paste(scan_limited_web.client, headers=stranger.headers, visibility="private")["key"]

    def add(*keys: str) -> httpx.Response:
        return scan_limited_client.post(entries_path(collection), json={"keys": list(keys)}, headers=user.headers)

    first = add(known, ended["key"], "no key", private, *(new_alias() for _ in range(MOST - 1)))
    assert (first.status_code, first.json()["added"]) == (200, [known])
    refused = add(create_link(scan_limited_client)["key"], new_alias())
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_unknown_keys")
    listed = scan_limited_client.get(entries_path(collection), headers=user.headers).json()["items"]
    assert [item["key"] for item in listed] == [known], "of a refused list nothing is added"
    other = create_link(scan_limited_client)["key"]
    assert add(other, ended["key"]).json()["added"] == [other], "what there is, anyone gets"


def test_list_of_more_than_the_limit_takes_all_of_it(scan_limited_client: httpx.Client) -> None:
    user = new_user(scan_limited_client)
    collection = create_collection(scan_limited_client, user)
    keys = {"keys": [new_alias() for _ in range(10 * MOST)]}

    statuses = [
        scan_limited_client.post(entries_path(collection), json=keys, headers=user.headers).status_code
        for _ in range(2)
    ]

    assert statuses == [200, 429]
    assert scan_limited_client.get(f"/{new_alias()}").status_code == 429
