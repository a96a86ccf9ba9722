"""Makes and reads collections through the API, for tests about something else."""

from typing import Any
from uuid import uuid4

import httpx

from tests.main_service.accounts.registering import User, bearer

Headers = dict[str, str]

COLLECTIONS = "/api/v1/collections"


def new_name() -> str:
    return f"Collection {uuid4().hex[:12]}"


def create(client: httpx.Client, user: User, name: str | None = None) -> dict[str, Any]:
    response = client.post(COLLECTIONS, json={"name": name or new_name()}, headers=user.headers)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


def address(collection: dict[str, Any], key: str | None = None) -> str:
    """Of its entries, or of this one."""
    entries = f"{COLLECTIONS}/{collection['id']}/entries"
    return entries if key is None else f"{entries}/{key}"


def add(client: httpx.Client, user: User, collection: dict[str, Any], *keys: str) -> None:
    """One after the other, so that each is newer than the one before."""
    for key in keys:
        response = client.put(address(collection, key), headers=user.headers)
        assert response.status_code == 204, response.text


def listed(client: httpx.Client, user: User, collection: dict[str, Any]) -> list[str]:
    """The keys of its first page."""
    response = client.get(address(collection), headers=user.headers)
    assert response.status_code == 200, response.text
    return [item["key"] for item in response.json()["items"]]


def change(client: httpx.Client, user: User, collection: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = client.patch(f"{COLLECTIONS}/{collection['id']}", json=fields, headers=user.headers)
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


def share(client: httpx.Client, user: User, collection: dict[str, Any]) -> str:
    """The key of its address."""
    key: str = change(client, user, collection, is_shared=True)["shared_url"].rpartition("/c/")[2]
    return key


def read_shared(client: httpx.Client, key: str, headers: Headers | None = None) -> list[str]:
    response = client.get(f"/api/v1/shared/{key}", headers=headers)
    assert response.status_code == 200, response.text
    return [item["key"] for item in response.json()["items"]]


def api_token(client: httpx.Client, user: User, *scopes: str) -> Headers:
    created = client.post("/api/v1/tokens", json={"name": "script", "scopes": list(scopes)}, headers=user.headers)
    return bearer(created.json()["token"])


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]
