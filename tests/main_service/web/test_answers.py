"""What holds for every answer: headers, shapes of refusals, documentation, limits."""

import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from main_service.app import create_app
from main_service.entries.aliases import RESERVED_WORDS, is_key
from main_service.settings import Settings
from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.pages import send_form
from tests.support.web import WebServer

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def settings(environment: Environment) -> Settings:
    values = {name.removeprefix("MAIN_").lower(): v for name, v in environment.items() if name.startswith("MAIN_")}
    return Settings(**values)


def every_answer(client: httpx.Client) -> list[httpx.Response]:
    paste, link = create_paste(client), create_link(client)
    return [
        client.get(address, headers={"Accept": accept})
        for accept in ("text/html", "*/*")
        for address in (
            "/", f"/{paste['key']}", f"/{paste['key']}/raw", f"/{paste['key']}/manage", f"/{link['key']}",
            f"/{link['key']}+", "/docs", "/redoc", "/openapi.json", "/static/style/base.css", "/nothing-here",
            f"/api/v1/entries/{paste['key']}", f"/api/v1/entries/{paste['key']}/text", "/api/v1/nothing",
        )
    ]  # fmt: skip


def test_every_answer_carries_the_security_headers(client: httpx.Client) -> None:
    for response in every_answer(client):
        if response.is_redirect:
            continue
        policy = response.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        is_page = response.headers["content-type"].startswith("text/html")
        assert response.headers["referrer-policy"] == ("same-origin" if is_page else "no-referrer")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "x-robots-tag" in response.headers
        assert "server" not in response.headers


@pytest.mark.parametrize("asked", ["revealed", "followed", "by HEAD", "to sign in"])
def test_redirect_carries_no_policy_of_a_page(client: httpx.Client, asked: str) -> None:
    """Browsers would apply it to the request that follows."""
    limited, link = create_link(client, views=5), create_link(client)
    response = {
        "revealed": lambda: send_form(client, f"/{limited['key']}", f"/{limited['key']}/reveal"),
        "followed": lambda: client.get(f"/{link['key']}", headers={"Cookie": "slipbin_session=x"}),
        "by HEAD": lambda: client.head(f"/{link['key']}"),
        "to sign in": lambda: client.get("/settings", headers={"Accept": "text/html"}),
    }[asked]()

    assert response.status_code in (302, 303), response.text
    assert response.headers["cache-control"] == "private, no-store"
    assert response.headers["x-robots-tag"] == "noindex"
    assert not set(response.headers) & {
        "content-security-policy", "referrer-policy", "cross-origin-opener-policy", "cross-origin-resource-policy",
        "permissions-policy", "x-frame-options",
    }  # fmt: skip


def test_answer_without_content_names_no_type(client: httpx.Client) -> None:
    made = create_paste(client)
    deleted = client.delete(f"/api/v1/entries/{made['key']}", headers=manage_headers(made))

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert "content-type" not in deleted.headers


async def test_bug_is_a_500_that_tells_nothing_and_carries_the_headers(
    environment: Environment, web: WebServer, client: httpx.Client, database: asyncpg.Connection
) -> None:
    """A text that vanished behind the service's back: what a broken disk does."""
    key = create_paste(client)["key"]
    body_id = await database.fetchval("SELECT body_id FROM entry WHERE key = $1", key)
    folder = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://"))
    (folder / body_id.hex[:2] / str(body_id)).unlink()

    for accept, kind in (("text/html", "text/html; charset=utf-8"), ("*/*", "application/problem+json")):
        with web.new_client() as visitor:
            response = visitor.get(f"/{key}", headers={"Accept": accept})
        assert (response.status_code, response.headers["content-type"]) == (500, kind)
        assert response.headers["content-security-policy"].startswith("default-src 'none'")
        assert "Traceback" not in response.text
        assert "BodyMissing" not in response.text


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b"null", b"\xff", b'{"text": NaN}', b'{"text": 1e400}', b"[" * 100_000, b'{"text": "\xc3"}'],
)
def test_body_that_is_not_a_json_object_is_a_422_without_an_echo(client: httpx.Client, body: bytes) -> None:
    response = client.post("/api/v1/pastes", content=body, headers=JSON)

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert {"type", "title", "status", "detail", "code", "errors"} == set(problem)
    assert problem["code"] == "invalid_input"


def test_wrong_content_type_is_refused(client: httpx.Client) -> None:
    response = client.post("/api/v1/pastes", content=b'{"text": "a"}', headers={"Content-Type": "text/plain"})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")


def test_wrong_method_says_which_are_right(client: httpx.Client) -> None:
    response = client.put("/api/v1/pastes", json={})

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("name", ["<b>", "\\ud800", "\\u0000", "a" * 65])
def test_hostile_field_name_is_not_repeated(client: httpx.Client, name: str) -> None:
    response = client.post("/api/v1/pastes", content=f'{{"text": "a", "{name}": 1}}'.encode(), headers=JSON)

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] in ("", "(unnamed)")


def test_every_route_of_ours_is_a_reserved_word(settings: Settings) -> None:
    first_parts = {part for path in paths(create_app(settings)) if (part := path.split("/")[1]) and "{" not in part}

    assert {"api", "docs", "static", "pastes"} <= first_parts
    # The others, `c` and `openapi.json`, no entry can have for a key.
    assert {part for part in first_parts if is_key(part)} <= RESERVED_WORDS


def paths(app: Any) -> set[str]:
    """Every path the app answers, those of included routers too."""
    found: set[str] = set()
    routes = list(app.routes)
    while routes:
        route = routes.pop()
        routes.extend(getattr(getattr(route, "original_router", None), "routes", []))
        if path := getattr(route, "path", ""):
            found.add(path)
    return found


SPENDING = {"/{key}", "/{key}.{extension}", "/{key}/raw", "/{key}/raw/{name}", "/{key}/download"}
"""Where a view may be spent."""


def test_openapi_documents_every_refusal_as_a_problem(client: httpx.Client) -> None:
    schema = client.get("/openapi.json").json()

    assert schema["openapi"].startswith("3.1")
    assert schema["servers"] == [{"url": "http://slipbin.test"}]
    assert "HTTPValidationError" not in json.dumps(schema)
    operations = {
        (method, path): operation for path, item in schema["paths"].items() for method, operation in item.items()
    }
    of_accounts = {
        (method, path)
        for method, path in operations
        if path.startswith(("/api/v1/auth/", "/api/v1/users/", "/api/v1/tokens", "/api/v1/admin/"))
    }
    assert len(of_accounts) == 23
    of_collections = {(method, path) for method, path in operations if path.startswith("/api/v1/collections")}
    assert len(of_collections) == 9
    creating = {("post", "/api/v1/pastes"), ("post", "/api/v1/links")}
    assert set(operations) - of_accounts - of_collections - creating == {
        ("get", "/api/v1/entries/{key}"), ("patch", "/api/v1/entries/{key}"), ("delete", "/api/v1/entries/{key}"),
        ("get", "/api/v1/entries/{key}/text"), ("post", "/api/v1/entries/{key}/claim"),
        ("post", "/api/v1/entries/delete"), ("get", "/api/v1/entries"), ("get", "/api/v1/entries/export"),
        ("get", "/api/v1/shared/{shared_key}"), ("get", "/api/v1/me/export.zip"), ("post", "/api/v1/entries/bulk"),
        ("get", "/api/v1/entries/{key}/stats"), ("get", "/api/v1/entries/{key}/history"),
        ("get", "/api/v1/stats/me"), ("get", "/api/v1/stats/top"),
        ("post", "/api/v1/imports"), ("get", "/api/v1/imports"), ("get", "/api/v1/imports/{import_id}"),
        ("get", "/api/v1/imports/{import_id}/lines"), ("post", "/api/v1/imports/{import_id}/stop"),
        ("post", "/api/v1/reports"), ("get", "/api/v1/reports"), ("get", "/api/v1/reports/{report_id}"),
        ("get", "/api/v1/reports/{report_id}/file"), ("delete", "/api/v1/reports/{report_id}"),
        ("get", "/{key}"), ("get", "/{key}/raw"), ("get", "/{key}/qr.svg"), ("get", "/{key}/qr.png"),
        ("get", "/{key}.{extension}"), ("get", "/{key}/raw/{name}"), ("get", "/{key}/download"),
        ("get", "/health/live"), ("get", "/health/ready"),
    }  # fmt: skip
    for (method, path), operation in operations.items():
        if path.startswith("/health/"):
            continue
        assert operation["summary"]
        refusals = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        expected = {"422", "500", "503"} | ({"404", "410"} if "{key}" in path else set())
        if (method, path) in creating:
            expected |= {"409", "413"}
        elif method in ("patch", "delete"):
            expected |= {"401"}
        assert expected <= set(refusals), (method, path)
        for status, answer in refusals.items():
            # Who may spend a view and has not said so is told in plain text how to.
            is_told_how = status == "403" and path in SPENDING
            assert set(answer["content"]) == {"application/problem+json", *(["text/plain"] if is_told_how else [])}
            assert answer["content"]["application/problem+json"]["schema"]["$ref"].endswith("/Problem")


def test_documentation_pages_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    for address in ("/docs", "/redoc"):
        page = client.get(address).text
        assets = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
        assert assets
        for asset in assets:
            assert client.get(asset).status_code == 200


def test_static_files_are_kept_by_browsers(client: httpx.Client) -> None:
    page = client.get("/", headers={"Accept": "text/html"}).text
    versioned = re.search(r'href="(/static/style/base\.css\?v=\w+)"', page)[1]

    assert "immutable" in client.get(versioned).headers["cache-control"]
    assert client.get("/static/style/base.css").headers["cache-control"] == "public, max-age=86400"
    for hostile in ("/static/../pyproject.toml", "/static/%2e%2e/pyproject.toml", "/static/docs/../../pyproject.toml"):
        assert client.get(hostile).status_code == 404
