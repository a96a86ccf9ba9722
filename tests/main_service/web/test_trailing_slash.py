"""A slash too many at the end of an address leads to the same without it, and never to another host."""

import httpx
import pytest

from tests.support.accounts import new_user
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import BROWSER, CURL
from tests.support.raw_http import exchange
from tests.support.web import WebServer

HERE = "http://slipbin.test"


@pytest.mark.parametrize(
    "address",
    [
        "/docs/",
        "/settings/",
        "/pastes/",
        "/health/live/",
        "/api/v1/entries/",
        "/api/v1/auth/whoami/",
        "/verify/token/",
        "/no/such/address/",
        "/a/",
        "/docs/?next=/a/&x=%2F%0d%0aSet-Cookie:%20a",
        "/%c3%a4%22%3cx/?q=%",
    ],
)
def test_slash_at_the_end_is_one_redirect_away(client: httpx.Client, address: str) -> None:
    path, mark, query = address.partition("?")
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
        answer = client.request(method, address)

        assert (answer.status_code, answer.content) == (308, b""), method
        expected = f"{HERE}{path.removesuffix('/')}{mark}{query}"
        assert answer.headers["location"].lower() == expected.lower()


@pytest.mark.parametrize(
    "target",
    [
        b"//evil.example/",
        b"//evil.example",
        b"///",
        b"//",
        b"/a//",
        b"/a//b/",
        b"//a/b/",
        b"/%2Fevil.example/",
        b"/a/%2F",
        b"/a%2F%2F",
        b"/no-such-key%2F",
        b"http://evil.example//b/",
    ],
)
def test_address_with_an_empty_part_stays_not_found(web: WebServer, target: bytes) -> None:
    [answer] = exchange(web, b"GET " + target + b" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")

    assert (answer.status, answer.headers.get("location")) == (404, None)


@pytest.mark.parametrize(
    ("target", "location"),
    [
        (b"http://evil.example/docs/", b"/docs"),
        (b"/\\evil.example/", b"/%5Cevil.example"),
        (b"/..//evil.example/", None),
        (b"/@evil.example/", b"/@evil.example"),
    ],
)
def test_redirect_leads_to_this_service_whatever_the_client_says(
    web: WebServer, target: bytes, location: bytes | None
) -> None:
    [answer] = exchange(web, b"GET " + target + b" HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")

    assert answer.headers.get("location") == (f"{HERE}{location.decode()}" if location else None)


def test_link_is_followed_and_a_paste_is_one_redirect_away(client: httpx.Client) -> None:
    link, paste = create_link(client), create_paste(client)
    ended = create_link(client)
    client.delete(f"/api/v1/entries/{ended['key']}", headers=manage_headers(ended)).raise_for_status()
    private = create_link(client, headers=(owner := new_user(client).headers), visibility="private")["key"]

    for _ in range(2):
        answer = client.get(f"/{link['key']}/?utm_source=x")
        assert (answer.status_code, answer.headers["location"]) == (302, "https://example.org/target")
        assert client.head(f"/{link['key']}/").status_code == 302
        for headers in ({}, BROWSER):
            answer = client.get(f"/{paste['key']}/?a=b", headers=headers)
            assert (answer.status_code, answer.headers["location"]) == (308, f"{paste['url']}?a=b")
        for end in ("/raw", "+", "/qr.svg", "/manage"):
            answer = client.get(f"/{paste['key']}{end}/")
            assert (answer.status_code, answer.headers["location"]) == (308, f"{paste['url']}{end}")
        for end in ("//", "/raw//", "//raw/"):
            assert client.get(f"/{link['key']}{end}").status_code == 404
    assert client.post(f"/{link['key']}/").headers["location"] == link["url"]
    assert client.get(f"/{ended['key']}/").status_code == 410
    assert client.get("/no-such-key/").status_code == 404
    assert (client.get(f"/{private}/").status_code, client.get(f"/{private}/", headers=owner).status_code) == (404, 302)


def test_limited_link_with_a_slash_asks_and_spends_as_without(client: httpx.Client) -> None:
    link = create_link(client, views=1)

    assert "can be followed once" in client.get(f"/{link['key']}/", headers=BROWSER).text
    assert client.get(f"/{link['key']}/").status_code == 403
    assert client.get(f"/{link['key']}/", headers=CURL).status_code == 302
    assert client.get(f"/{link['key']}/", headers=CURL).status_code == 410
