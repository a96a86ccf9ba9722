"""PATCH and DELETE /api/v1/entries/{key}."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.web import WebServer


def change(client: httpx.Client, entry: dict[str, Any], **fields: Any) -> httpx.Response:
    return client.patch(f"/api/v1/entries/{entry['key']}", json=fields, headers=manage_headers(entry))


def test_link_can_be_changed_in_all_it_has(client: httpx.Client) -> None:
    link = create_link(client)

    response = change(
        client, link, title="New", original_url="https://example.org/new", visibility="public", expires_in="P1D"
    )

    assert response.status_code == 200
    changed = response.json()
    assert changed == client.get(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).json()
    assert (changed["title"], changed["visibility"]) == ("New", "public")
    assert datetime.fromisoformat(changed["expires_at"]) < datetime.now(UTC) + timedelta(days=1, seconds=1)
    assert datetime.fromisoformat(changed["updated_at"]) > datetime.fromisoformat(link["updated_at"])
    assert changed["created_at"] == link["created_at"]
    assert client.get(f"/{link['key']}").headers["location"] == "https://example.org/new"


def test_paste_gets_a_new_text_and_syntax(store_client: httpx.Client) -> None:
    paste = create_paste(store_client, text="old", syntax="python", title="Kept")

    changed = change(store_client, paste, text="new text", syntax=None).json()

    assert (changed["size_bytes"], changed["syntax"], changed["title"]) == (8, None, "Kept")
    assert store_client.get(f"/{paste['key']}/raw").content == b"new text"


async def test_replaced_text_is_gone_from_the_store(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection
) -> None:
    paste = create_paste(client, text="old")
    old_body_id = await database.fetchval("SELECT body_id FROM entry WHERE key = $1", paste["key"])

    change(client, paste, text="new")

    assert not _text_file(environment, old_body_id).exists()
    assert await database.fetchval("SELECT count(*) FROM body_to_delete WHERE body_id = $1", old_body_id) == 0
    assert await database.fetchval("SELECT body_deleted_at FROM entry WHERE key = $1", paste["key"]) is None


async def test_deleted_text_is_gone_from_the_store_at_once(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection
) -> None:
    paste = create_paste(client)
    body_id = await database.fetchval("SELECT body_id FROM entry WHERE key = $1", paste["key"])
    assert _text_file(environment, body_id).exists()

    response = client.delete(f"/api/v1/entries/{paste['key']}", headers=manage_headers(paste))

    assert (response.status_code, response.content) == (204, b"")
    assert not _text_file(environment, body_id).exists()
    row = await database.fetchrow("SELECT * FROM entry WHERE key = $1", paste["key"])
    assert row is not None
    assert (row["archival_reason"], row["body_deleted_at"] is not None) == ("deleted", True)
    assert await database.fetchval("SELECT count(*) FROM body_to_delete WHERE body_id = $1", body_id) == 0


def test_deleting_works_on_both_stores_and_only_once(store_client: httpx.Client) -> None:
    for entry in (create_paste(store_client), create_link(store_client)):
        assert store_client.delete(f"/api/v1/entries/{entry['key']}", headers=manage_headers(entry)).status_code == 204
        assert store_client.delete(f"/api/v1/entries/{entry['key']}", headers=manage_headers(entry)).status_code == 410
        assert change(store_client, entry, title="x").status_code == 410


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_changing_needs_the_manage_token(client: httpx.Client, method: str) -> None:
    entry, other = create_link(client), create_link(client)
    address = f"/api/v1/entries/{entry['key']}"
    body = {"title": "x"} if method == "PATCH" else None

    missing = client.request(method, address, json=body)
    assert (missing.status_code, missing.json()["code"]) == (401, "manage_token_missing")
    assert "www-authenticate" in missing.headers
    for token in (other["manage_token"], entry["manage_token"][:-1], entry["manage_token"] + "A", "ü".encode()):
        wrong = client.request(method, address, json=body, headers={"X-Manage-Token": token})
        assert (wrong.status_code, wrong.json()["code"]) == (403, "manage_token_wrong")
    unknown = client.request(method, "/api/v1/entries/unknown-key", json=body, headers=manage_headers(entry))
    assert unknown.status_code == 404
    assert client.get(f"/{entry['key']}").status_code == 302


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "x"}, {"syntax": "python"}, {"original_url": "javascript:alert(1)"}, {"original_url": None},
        {"visibility": None}, {"visibility": "private"}, {"expires_in": None}, {"expires_at": "2020-01-01T00:00:00Z"},
        {"alias": "another-key"}, {"key": "another-key"}, {"expires_in": "P366D"}, {"title": "a" * 201},
    ],
)  # fmt: skip
def test_impossible_change_of_a_link_is_refused_and_changes_nothing(
    client: httpx.Client, fields: dict[str, Any]
) -> None:
    link = create_link(client)
    before = client.get(f"/api/v1/entries/{link['key']}").json()

    response = change(client, link, **{"title": "changed"} | fields)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_input")
    assert client.get(f"/api/v1/entries/{link['key']}").json() == before


def test_paste_has_no_target(client: httpx.Client) -> None:
    response = change(client, create_paste(client), original_url="https://example.org/")

    assert response.json()["errors"][0]["code"] == "field_of_other_kind"


def test_empty_change_changes_nothing(client: httpx.Client) -> None:
    link = create_link(client)

    assert change(client, link).json()["updated_at"] == link["updated_at"]


def test_title_can_be_taken_away(client: httpx.Client) -> None:
    link = create_link(client, title="Title")

    assert change(client, link, title=None).json()["title"] is None


def test_shortened_lifetime_ends_the_entry_in_time(client: httpx.Client) -> None:
    link = create_link(client)
    assert client.get(f"/{link['key']}").status_code == 302

    end = datetime.fromisoformat(change(client, link, expires_in=1).json()["expires_at"])
    client.get(f"/{link['key']}")
    while datetime.now(UTC) <= end:
        time.sleep(0.05)

    response = client.get(f"/{link['key']}")
    assert (response.status_code, response.json()["reason"]) == (410, "expired")
    assert change(client, link, expires_in="P1D").status_code == 410


def test_change_is_seen_at_once_by_every_process(environment: Environment) -> None:
    with WebServer(environment) as one, WebServer(environment) as other:
        link = create_link(one.client)
        for number in range(30):
            target = f"https://example.org/{number}"
            assert change(one.client, link, original_url=target).status_code == 200
            for server in (other, one):
                assert server.client.get(f"/{link['key']}").headers["location"] == target
        one.client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link))
        assert other.client.get(f"/{link['key']}").status_code == 410


def _text_file(environment: Environment, body_id: UUID) -> Path:
    folder = Path(environment["MAIN_BODY_STORE_URL"].removeprefix("file://"))
    return folder / body_id.hex[:2] / str(body_id)
