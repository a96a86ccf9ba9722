"""Nothing in a query is passed over in silence; the two creates take `expires_at` there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.support.accounts import new_user
from tests.support.entries import create_link, manage_headers
from tests.support.pages import BROWSER
from tests.support.web import WebServer

MARK = "m4rk3r"
METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
def client(web: WebServer) -> httpx.Client:
    return web.client


def json_calls(client: httpx.Client) -> Iterator[tuple[str, str]]:
    paths = client.get("/openapi.json").json()["paths"]
    for path, operations in paths.items():
        if path.startswith("/api/v1/"):
            yield from ((method.upper(), path) for method in operations if method in METHODS)


def test_no_call_of_the_json_api_passes_over_a_query_field_that_it_does_not_know(client: httpx.Client) -> None:
    calls = list(json_calls(client))
    assert len(calls) > 40

    for method, path in calls:
        address = path.replace("{key}", "no-such-key").replace("{", "").replace("}", "")
        answer = client.request(method, address, params={"no_such_field": MARK})

        assert answer.status_code == 422, (method, path, answer.text)
        assert {"field": "no_such_field", "code": "extra_forbidden", "message": "There is no such field."} in (
            answer.json()["errors"]
        )
        assert MARK not in answer.text


def test_query_field_that_is_refused_changes_nothing(client: httpx.Client) -> None:
    link = create_link(client)

    changed = client.patch(
        f"/api/v1/entries/{link['key']}", params={"title": "x"}, json={"title": "x"}, headers=manage_headers(link)
    )
    deleted = client.delete(f"/api/v1/entries/{link['key']}", params={"reason": "x"}, headers=manage_headers(link))

    assert (changed.status_code, deleted.status_code) == (422, 422)
    assert client.get(f"/api/v1/entries/{link['key']}").json()["title"] is None


def test_query_field_that_stands_twice_is_refused(client: httpx.Client) -> None:
    user = new_user(client)

    answer = client.get("/api/v1/entries?kind=link&kind=paste", headers=user.headers)

    assert answer.status_code == 422
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("kind", "query_field_twice")]


@pytest.mark.parametrize(
    ("path", "body"), [("/api/v1/pastes", {"text": "a"}), ("/api/v1/links", {"original_url": "https://example.org/"})]
)
def test_create_takes_its_end_from_the_query(client: httpx.Client, path: str, body: dict[str, str]) -> None:
    end = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)

    for written in (f"{end:%Y-%m-%dT%H:%M:%SZ}", f"{end + timedelta(hours=2):%Y-%m-%dT%H:%M:%S+02:00}"):
        created = client.post(path, params={"expires_at": written}, json=body)
        assert created.status_code == 201, created.text
        assert datetime.fromisoformat(created.json()["expires_at"]) == end


@pytest.mark.parametrize(
    ("path", "body"), [("/api/v1/pastes", {"text": "a"}), ("/api/v1/links", {"original_url": "https://example.org/"})]
)
def test_create_reads_a_query_that_names_no_end(client: httpx.Client, path: str, body: dict[str, str]) -> None:
    found = {
        query: client.post(f"{path}?{query}", json=body).status_code
        for query in ("&", "&&", "=", "expires_at", "expires_at=", "expires_at&")
    }

    assert found == {"&": 201, "&&": 201, "=": 422, "expires_at": 422, "expires_at=": 422, "expires_at&": 422}


@pytest.mark.parametrize("query", ["?&", "?=", "?&&", "?%", "?%ff", "?=&=", "?%00"])
def test_no_read_fails_at_a_query_without_fields(client: httpx.Client, query: str) -> None:
    """`&` has none, `=` has one without a name, and `%` is written wrong."""
    user = new_user(client)
    for path in client.get("/openapi.json").json()["paths"]:
        if "{" not in path:
            answer = client.get(path + query, headers=user.headers)
            assert answer.status_code < 500, (path, answer.text)
    for path in ("/", "/my", "/reports", "/login", "/leaderboard", "/collections", "/new/", "/static/app.css"):
        assert client.get(path + query, headers=BROWSER).status_code < 500, path


@pytest.mark.parametrize(
    ("query", "body", "code"),
    [
        ("expires_at=2030-01-31T12:00:00Z", {"expires_at": "2030-01-31T12:00:00Z"}, "expiry_twice"),
        ("expires_at=2030-01-31T12:00:00Z", {"expires_in": "P1D"}, "expiry_twice"),
        ("expires_at=2030-01-31T12:00:00Z&expires_at=2030-02-28T12:00:00Z", {}, "query_field_twice"),
        ("expires_at=2020-01-01T00:00:00Z", {}, "expiry_past"),
        ("expires_at=2999-01-01T00:00:00Z", {}, "expiry_too_far"),
        ("expires_at=2030-01-31T12:00:00", {}, "timezone_aware"),
        ("expires_at=1893456000", {}, "instant_invalid"),
        ("expires_at=", {}, "instant_invalid"),
    ],
)
def test_impossible_end_in_the_query_is_refused(
    client: httpx.Client, query: str, body: dict[str, str], code: str
) -> None:
    answer = client.post(f"/api/v1/links?{query}", json={"original_url": "https://example.org/", **body})

    assert answer.status_code == 422, answer.text
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("expires_at", code)]


def test_request_that_is_sent_again_with_another_query_is_another(client: httpx.Client) -> None:
    headers = {"Idempotency-Key": datetime.now(UTC).isoformat()}
    body = {"original_url": "https://example.org/"}
    ends = [(datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ") for days in (1, 2)]

    first, again, other = (
        client.post("/api/v1/links", params={"expires_at": end}, json=body, headers=headers)
        for end in (ends[0], ends[0], ends[1])
    )

    assert (first.status_code, again.json()["key"]) == (201, first.json()["key"])
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
