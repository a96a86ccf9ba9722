"""Requests that change something are refused where a browser says that a page of another site sends them."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.support.accounts import new_user
from tests.support.entries import create_link, manage_headers
from tests.support.pages import BROWSER, FOREIGN, created_key, visible_text
from tests.support.routes import changing_routes
from tests.support.web import WebServer

LINK = {"original_url": "https://example.org/"}
OWN = "http://slipbin.test"


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "something else"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, True),
        ({"Sec-Fetch-Site": "same-site", "Origin": OWN}, False),
        ({"Origin": OWN}, True),
        ({"Origin": f"{OWN}:80"}, True),
        ({"Origin": "HTTP://SLIPBIN.TEST"}, True),
        ({"Origin": "https://slipbin.test"}, False),
        ({"Origin": f"{OWN}:8080"}, False),
        ({"Origin": "http://sub.slipbin.test"}, False),
        ({"Origin": "http://slipbin.test.foreign.test"}, False),
        ({"Origin": "http://slipbin.test@foreign.test"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Origin": "http://[foreign"}, False),
        ({"Origin": "http://slipbin.test:x"}, False),
        ({"Origin": "chrome-extension://slipbin.test"}, False),
        ({"Origin": "http://lan.test:8000", "Host": "lan.test:8000"}, True),
        ({"Origin": "http://lan.test:8000", "Host": "LAN.test:8000"}, True),
        ({"Origin": "http://lan.test:8001", "Host": "lan.test:8000"}, False),
        ({"Origin": "http://other.lan.test:8000", "Host": "lan.test:8000"}, False),
        ({"Origin": "http://[2001:db8::1]:8000", "Host": "[2001:db8::1]:8000"}, True),
        ({"Origin": "https://tls.test", "Host": "tls.test"}, True),
        ({"Origin": "https://tls.test", "Host": "tls.test:443"}, True),
        ({"Origin": OWN, "Host": "inner.test:8000"}, True),
        ({"Origin": OWN, "Host": "slipbin.test"}, True),
        ({"Origin": "https://slipbin.test", "Host": "slipbin.test"}, False),
        ({"Origin": "http://slipbin.test:8080", "Host": "slipbin.test"}, False),
        ({"Origin": "http://slipbin.test:8000", "Host": "slipbin.test:8000"}, True),
    ],
)
def test_form_counts_where_its_page_is_ours(web: WebServer, headers: dict[str, str], *, is_ours: bool) -> None:
    answer = web.client.post("/links", data=LINK, headers=BROWSER | headers)

    assert answer.status_code == (303 if is_ours else 403), visible_text(answer)
    assert ("another site's page" in visible_text(answer)) != is_ours


def test_page_to_send_it_from_is_looked_for_in_the_first_parts_of_a_path(client: httpx.Client) -> None:
    """A path has room for 15,000 parts, and each would be a look at the routes."""
    answer = client.post("/static" + "/a" * 15_000, headers=BROWSER | {"Origin": "http://foreign.test"})

    assert answer.status_code == 403
    assert "/a" * 5 not in answer.text


def test_two_origins_are_none(client: httpx.Client) -> None:
    headers = [("Accept", "text/html"), ("Origin", OWN), ("Origin", "http://foreign.test")]

    assert client.post("/links", data=LINK, headers=headers).status_code == 403


@pytest.mark.parametrize("foreign", FOREIGN)
def test_api_refuses_a_foreign_page_unless_the_request_has_credentials_of_its_own(
    client: httpx.Client, foreign: dict[str, str]
) -> None:
    def status(**headers: str) -> int:
        sent = foreign | {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post("/api/v1/links", json=LINK, headers=sent).status_code

    refused = client.post("/api/v1/links", json=LINK, headers=foreign)
    assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    assert refused.json()["code"] == "foreign_origin"
    assert status(Authorization=new_user(client).headers["Authorization"]) == 201
    assert status(Authorization="Bearer nonsense") == 401, "the token is looked at"
    assert status(X_Api_Key="x") == status(X_Manage_Token="x") == 403, "nothing looks at them here"
    assert status(Authorization="Basic eDp4") == status(Cookie="slipbin_session=x") == 403
    link = create_link(client)
    assert client.delete(f"/api/v1/entries/{link['key']}", headers=foreign | manage_headers(link)).status_code == 204


def test_every_route_that_changes_something_refuses_a_foreign_page(client: httpx.Client) -> None:
    unsafe = {(route.method, re.sub(r"\{.*?\}", "x", route.path)) for route in changing_routes()}

    for method, path in unsafe:
        for foreign in FOREIGN:
            answer = client.request(method, path, headers=foreign, data={"other": "field"})
            assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin"), (method, path)


@pytest.mark.parametrize("foreign", FOREIGN)
def test_what_changes_nothing_is_open_to_all(client: httpx.Client, foreign: dict[str, str]) -> None:
    link = create_link(client)

    assert client.get(f"/{link['key']}", headers=foreign).status_code == 302
    assert client.head("/", headers=foreign).status_code == 200
    assert client.options("/", headers=foreign).status_code == 405


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/sign-in", "/sign-in"),
        ("/settings/tokens/x/delete", "/settings/tokens/x/delete"),
        ("/pastes", "/"),
        ("/sign-out", "/"),
        ("//foreign.test/x", "/"),
        ("/%22%3E%3Cb/manage/delete", "/%22%3E%3Cb/manage/delete"),
    ],
)
def test_page_says_why_and_links_to_itself(client: httpx.Client, address: str, page: str) -> None:
    url = str(client.base_url).rstrip("/") + address
    refused = client.post(url, data={"other": ""}, headers=BROWSER | FOREIGN[0])

    assert (refused.status_code, "another site's page" in visible_text(refused)) == (403, True)
    assert f'<a href="{page}">{page}</a>' in refused.text
    assert "foreign.test" not in refused.text
    assert refused.headers["content-security-policy"].startswith("default-src 'none'")


class OpenedBefore:
    """A form of the previous release, whose page said `no-referrer`: browsers name no origin then."""

    headers = BROWSER | {"Origin": "null"}

    def __init__(self, client: httpx.Client) -> None:
        token = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', client.get("/", headers=BROWSER).text)
        assert token
        self.fields = {"csrf_token": token[1]}
        self.client = client

    def send(self, address: str = "/links", headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
        data = self.fields | (fields or LINK)
        return self.client.post(address, data=data, headers=self.headers | (headers or {}))


@pytest.fixture
def opened(client: httpx.Client) -> Iterator[OpenedBefore]:
    return OpenedBefore(client)


def test_form_that_was_opened_before_the_upgrade_counts(opened: OpenedBefore) -> None:
    assert opened.send().status_code == 303

    text = "a line with \u00fc\r\n" * 200_000
    parts = {name: (None, value) for name, value in (opened.fields | {"text": text}).items()}
    made = opened.client.post("/pastes", files=parts, headers=opened.headers)
    assert opened.client.get(f"/{created_key(made)}/raw").text == text.replace("\r\n", "\n")


def test_form_with_the_token_of_another_visitor_is_foreign(opened: OpenedBefore, web: WebServer) -> None:
    with web.new_client() as other:
        theirs = OpenedBefore(other)
        theirs.fields = opened.fields
        assert theirs.send().status_code == 403
        other.cookies.clear()
        assert theirs.send().status_code == 403
    for token in ("", "0" * 64, "\u00fc"):
        opened.fields = {"csrf_token": token}
        assert opened.send().status_code == 403


def test_token_is_nothing_beside_what_the_browser_says(opened: OpenedBefore) -> None:
    assert opened.send(headers={"Origin": "http://foreign.test"}).status_code == 403
    assert opened.send(headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


@pytest.mark.parametrize("body", [b"", b"\xff", b"csrf_token=" + b"x" * 100_000, b"{}", b"x" * 200_000])
def test_body_without_a_token_is_foreign_whatever_it_is(opened: OpenedBefore, body: bytes) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json"):
        answer = opened.client.post("/links", content=body, headers=opened.headers | {"Content-Type": kind})
        assert (answer.status_code, "another site's page" in visible_text(answer)) == (403, True)
