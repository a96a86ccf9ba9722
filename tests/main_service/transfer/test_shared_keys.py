"""The key of a shared collection is never another user's, whatever a file says: people still hold the link."""

import json
import secrets
from typing import Any

import asyncpg
import httpx
import pytest

from main_service.account_deletion import tasks as account_deletion
from tests.support.accounts import PASSWORD, User, new_user
from tests.support.collections import change_collection, create_collection, read_shared, share_collection
from tests.support.engines import Environment
from tests.support.entries import new_alias
from tests.support.imports import lines_of, order_import, run_imports, zip_of
from tests.support.settings import task_resources

TARGET = "https://example.org/crafted"
ADDED_AT = "2026-01-02T03:04:05Z"


def export_with(shared_key: str, *, added_at: str) -> bytes:
    """An export of a link in a collection that was shared under this key."""
    link = {
        "key": new_alias(),
        "kind": "link",
        "visibility": "public",
        "state": "live",
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
        "original_url": TARGET,
    }
    collections = [
        {"collection": "1", "name": "crafted", "shared_key": shared_key},
        {"collection": "1", "key": link["key"], "added_at": added_at},
    ]
    manifest = {"format": "slipbin-export", "version": 1, "site": f"https://{new_alias()}.example"}
    return zip_of(
        {
            "entries.jsonl": json.dumps(link).encode(),
            "collections.jsonl": "\n".join(map(json.dumps, collections)).encode(),
            "manifest.json": json.dumps(manifest).encode(),
        }
    )


async def import_under(
    environment: Environment, client: httpx.Client, user: User, shared_key: str, *, added_at: str = ADDED_AT
) -> dict[str, Any]:
    job = order_import(client, user, export_with(shared_key, added_at=added_at), "slipbin-zip")
    await run_imports(environment)
    (line,) = lines_of(client, user, job)
    assert line["verdict"] == "created"
    return line


def stop_sharing(client: httpx.Client, user: User, collection: dict[str, Any]) -> None:
    change_collection(client, user, collection, is_shared=False)


def delete(client: httpx.Client, user: User, collection: dict[str, Any]) -> None:
    client.delete(f"/api/v1/collections/{collection['id']}", headers=user.headers).raise_for_status()


def delete_account(client: httpx.Client, user: User, _: dict[str, Any]) -> None:
    body = {"password": PASSWORD, "entries": "delete"}
    client.request("DELETE", "/api/v1/users/me", json=body, headers=user.headers).raise_for_status()


def go_on_sharing(*_: Any) -> None:
    pass


@pytest.mark.parametrize("end", [go_on_sharing, stop_sharing, delete, delete_account])
async def test_key_that_was_shared_is_never_given_to_another(
    import_environment: Environment, import_client: httpx.Client, end: Any
) -> None:
    user, other = new_user(import_client), new_user(import_client)
    collection = create_collection(import_client, user)
    key = share_collection(import_client, user, collection)
    end(import_client, user, collection)
    async with task_resources(import_environment) as resources:
        await account_deletion.release_entries(resources)

    line = await import_under(import_environment, import_client, other, key)

    assert line["message"] == "Its collection isn't shared: the key of its link can't be used here."
    if end is go_on_sharing:
        assert read_shared(import_client, key) == []
    else:
        assert import_client.get(f"/c/{key}").status_code == 404


async def test_owner_may_bring_a_shared_collection_back(
    import_environment: Environment, import_client: httpx.Client
) -> None:
    user = new_user(import_client)
    collection = create_collection(import_client, user)
    key = share_collection(import_client, user, collection)
    delete(import_client, user, collection)

    line = await import_under(import_environment, import_client, user, key)

    assert line["message"] is None
    assert read_shared(import_client, key) == [line["key"]]


@pytest.mark.parametrize("added_at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_place_from_beyond_all_time_is_now(
    import_environment: Environment, import_client: httpx.Client, added_at: str
) -> None:
    user = new_user(import_client)
    key = "".join(secrets.choice("ABCDEFGHJK") for _ in range(11))

    line = await import_under(import_environment, import_client, user, key, added_at=added_at)

    assert read_shared(import_client, key) == [line["key"]]


async def test_key_that_the_release_before_shared_is_remembered(
    import_environment: Environment, import_client: httpx.Client, import_database: asyncpg.Connection
) -> None:
    user, other, key = (
        new_user(import_client),
        new_user(import_client),
        "".join(secrets.choice("ABCDEFGHJK") for _ in range(11)),
    )
    collection = create_collection(import_client, user)
    for shared_key in (key, None):
        await import_database.execute(
            "UPDATE collection SET shared_key = $2 WHERE id = $1", collection["id"], shared_key
        )

    line = await import_under(import_environment, import_client, other, key)

    assert line["message"] is not None
    assert import_client.get(f"/c/{key}").status_code == 404
