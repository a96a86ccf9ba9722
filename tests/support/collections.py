"""Makes, changes and reads collections, through the API and by SQL."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from tests.support.accounts import User

Headers = dict[str, str]

COLLECTIONS = "/api/v1/collections"


def new_collection_name() -> str:
    return f"Collection {uuid4().hex[:12]}"


def create_collection(client: httpx.Client, user: User, name: str | None = None) -> dict[str, Any]:
    response = client.post(COLLECTIONS, json={"name": name or new_collection_name()}, headers=user.headers)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created


def entries_path(collection: dict[str, Any], key: str | None = None) -> str:
    """The path of the collection's entries, or of the one with this key."""
    entries = f"{COLLECTIONS}/{collection['id']}/entries"
    return entries if key is None else f"{entries}/{key}"


def add_to_collection(client: httpx.Client, user: User, collection: dict[str, Any], *keys: str) -> None:
    """Add entries one after the other, so that each is newer than the one before."""
    for key in keys:
        response = client.put(entries_path(collection, key), headers=user.headers)
        assert response.status_code == 204, response.text


def collection_keys(client: httpx.Client, user: User, collection: dict[str, Any]) -> list[str]:
    """The keys of the first page of a collection."""
    response = client.get(entries_path(collection), headers=user.headers)
    assert response.status_code == 200, response.text
    return [item["key"] for item in response.json()["items"]]


def change_collection(client: httpx.Client, user: User, collection: dict[str, Any], **fields: Any) -> dict[str, Any]:
    response = client.patch(f"{COLLECTIONS}/{collection['id']}", json=fields, headers=user.headers)
    assert response.status_code == 200, response.text
    changed: dict[str, Any] = response.json()
    return changed


def share_collection(client: httpx.Client, user: User, collection: dict[str, Any]) -> str:
    """Share a collection; return the key of its address."""
    key: str = change_collection(client, user, collection, is_shared=True)["shared_url"].rpartition("/c/")[2]
    return key


def read_shared(client: httpx.Client, key: str, headers: Headers | None = None) -> list[str]:
    response = client.get(f"/api/v1/shared/{key}", headers=headers)
    assert response.status_code == 200, response.text
    return [item["key"] for item in response.json()["items"]]


def status_and_code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def insert_collection(database: asyncpg.Connection, owner_id: UUID, *keys: str, name: str = "Trips") -> UUID:
    collection_id = uuid4()
    statement = "INSERT INTO collection (id, owner_id, name, created_at) VALUES ($1, $2, $3, now())"
    await database.execute(statement, collection_id, owner_id, name)
    statement = "INSERT INTO collection_entry (collection_id, entry_key, added_at) VALUES ($1, $2, now())"
    await database.executemany(statement, [(collection_id, key) for key in keys])
    return collection_id
