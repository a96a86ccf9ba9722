"""What costs the database much, a client may ask for so often and no more."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.accounts import new_user
from tests.support.engines import NO_LIMITS, Environment
from tests.support.entries import create_link, manage_headers
from tests.support.pages import BROWSER
from tests.support.web import WebServer

MOST = 3


@pytest.fixture(scope="module")
def read_limited(environment: Environment) -> Iterator[WebServer]:
    """A web process with a low limit that believes what `X-Forwarded-For` says."""
    limits = {"MAIN_LIMIT_STATISTICS": f"{MOST}/day", "MAIN_LIMIT_EXPORTS": f"{MOST}/day"}
    with WebServer(environment | NO_LIMITS | limits | {"MAIN_TRUSTED_PROXIES": "127.0.0.1"}) as server:
        yield server


def test_statistics_and_leaderboards_are_limited_by_address(read_limited: WebServer) -> None:
    link = create_link(read_limited.client)
    client = read_limited.client

    def ask(path: str, address: str = "203.0.113.1") -> httpx.Response:
        return client.get(path, headers={"X-Forwarded-For": address, **manage_headers(link)})

    paths = [f"/api/v1/entries/{link['key']}/stats", f"/api/v1/entries/{link['key']}/history", "/api/v1/stats/top"]
    assert [ask(path).status_code for path in paths] == [200] * MOST
    for path in paths:
        refused = ask(path)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["ratelimit-policy"] == f'"statistics-day";q={MOST};w=86400'
    page = client.get(f"/{link['key']}/stats", headers={"X-Forwarded-For": "203.0.113.1", **BROWSER})
    assert page.status_code == 429
    assert "Try again in" in page.text
    assert '<a class="button primary" href="">Try again</a>' in page.text
    assert ask(paths[0], address="203.0.113.2").status_code == 200
    assert ask(f"/{link['key']}").status_code == 302


def test_page_with_a_filter_counts_as_five(read_limited: WebServer) -> None:
    link = create_link(read_limited.client)
    path = f"/{link['key']}/stats"

    def ask(query: str, address: str) -> int:
        return read_limited.client.get(path + query, headers={"X-Forwarded-For": address, **BROWSER}).status_code

    assert [ask("?country=DE", "203.0.113.5") for _ in range(2)] == [303, 429]
    assert [ask("?country=&period=7d", "203.0.113.6") for _ in range(MOST + 1)] == [303] * MOST + [429]


def test_exports_are_limited_by_address(read_limited: WebServer) -> None:
    user = new_user(read_limited.client)
    headers = user.headers | {"X-Forwarded-For": "203.0.113.3"}

    answers = [read_limited.client.get("/api/v1/entries/export", headers=headers) for _ in range(MOST + 1)]

    assert [answer.status_code for answer in answers] == [200] * MOST + [429]
    assert read_limited.client.get("/api/v1/entries", headers=headers).status_code == 200
