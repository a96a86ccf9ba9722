"""What machines ask for at the root of a site, and that everything that is read answers HEAD as well."""

import re
from xml.etree import ElementTree

import httpx

from tests.support.accounts import new_user
from tests.support.entries import create_link, create_paste
from tests.support.pages import BROWSER


def test_crawlers_may_read_pages_but_not_the_api(client: httpx.Client) -> None:
    answer = client.get("/robots.txt")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.startswith("User-agent: *\n")
    paths = re.findall(r"^Disallow: (.+)$", answer.text, re.MULTILINE)
    closed = [re.compile(re.escape(path).replace(r"\*", ".*")) for path in paths]

    def is_open(path: str) -> bool:
        return not any(pattern.match(path) for pattern in closed)

    # There crawlers read in `X-Robots-Tag` whether to list it.
    assert all(map(is_open, ("/", "/KEY", "/KEY/raw", "/c/KEY", "/docs")))
    assert not any(
        map(is_open, ("/api/v1/entries/KEY", "/KEY/manage", "/KEY/edit", "/KEY/stats", "/KEY/qr.png", "/KEY/reveal"))
    )


def test_icon_is_the_drawing_that_pages_name(client: httpx.Client) -> None:
    answer = client.get("/favicon.ico", headers=BROWSER)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    assert ElementTree.fromstring(answer.content).tag.endswith("svg")
    assert answer.headers["cache-control"].startswith("public, max-age=")


def test_head_of_whatever_is_read_has_the_headers_of_get_and_no_body(client: httpx.Client) -> None:
    user = new_user(client)
    paste, link = create_paste(client), create_link(client)
    addresses = [
        "/robots.txt",
        "/favicon.ico",
        "/openapi.json",
        "/metrics",
        f"/api/v1/entries/{paste['key']}",
        f"/api/v1/entries/{paste['key']}/text",
        f"/api/v1/entries/{link['key']}/text",
        "/api/v1/entries/no-such-key",
        "/api/v1/auth/whoami",
        "/api/v1/users/me",
        "/api/v1/tokens",
        "/api/v1/collections",
        "/api/v1/entries",
        "/api/v1/entries/export",
        "/api/v1/me/export.zip",
        "/api/v1/stats/me",
        "/api/v1/stats/top",
        "/api/v1/reports",
        f"/{link['key']}",
        f"/{link['key']}+",
        f"/{paste['key']}/raw",
        f"/{paste['key']}/qr.svg",
        "/health/ready",
    ]
    for address in addresses:
        for headers in ({}, user.headers) if address.startswith("/api/") else ({},):
            get, head = (client.request(method, address, headers=headers) for method in ("GET", "HEAD"))
            assert (head.status_code, head.content) == (get.status_code, b""), address
            assert head.headers["content-type"] == get.headers["content-type"] if get.content else True, address
            if "content-length" in head.headers and address != "/metrics":
                assert head.headers["content-length"] == get.headers["content-length"], address
    refused = client.post("/api/v1/users/me")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, PATCH, DELETE")


def test_head_of_a_limited_text_spends_no_view(client: httpx.Client) -> None:
    paste = create_paste(client, views=1)

    for _ in range(2):
        assert client.head(f"/api/v1/entries/{paste['key']}/text").status_code == 200
    assert client.get(f"/api/v1/entries/{paste['key']}/text").status_code == 200
    assert client.head(f"/api/v1/entries/{paste['key']}/text").status_code == 410


def test_head_is_not_documented_beside_get(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    assert "get" in paths["/api/v1/users/me"]
    assert not [path for path, operations in paths.items() if "head" in operations]
    # Asked again, it is still answered.
    assert client.head("/api/v1/stats/top").status_code == 200
