"""Makes users with many entries, by SQL where the API would take too long."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from tests.main_service.accounts.registering import User, bearer
from tests.main_service.entries.making import create_link, create_paste

# Kinds, titles, visibilities and ends of all sorts; many created in one microsecond, many with one title.
_MANY = """
    INSERT INTO entry (key, kind, owner_id, title, visibility, created_at, updated_at, expires_at, original_url,
                       target_digest, body_id, size_bytes, ended_at, archival_reason)
    SELECT key, CASE WHEN is_link THEN 'link' ELSE 'paste' END, $1,
           CASE WHEN n % 5 > 0 THEN (ARRAY['Notes', 'notes', 'Über', 'Report'])[1 + n % 4] || ' ' || n / 8 END,
           (ARRAY['public', 'unlisted', 'private'])[1 + n % 3],
           now() - make_interval(secs => n / 4), now() - make_interval(secs => n / 3 % 100),
           CASE WHEN n % 7 > 0 THEN now() + make_interval(days => n / 3 % 300 - n % 2 * 9) END,
           CASE WHEN is_link THEN url END, CASE WHEN is_link THEN sha256(convert_to(url, 'UTF8')) END,
           CASE WHEN NOT is_link THEN gen_random_uuid() END, CASE WHEN NOT is_link THEN n END,
           CASE WHEN n % 13 = 0 THEN now() END, CASE WHEN n % 13 = 0 THEN 'deleted' END
      FROM (SELECT n, $2 || n AS key, n % 2 = 0 AS is_link, 'https://example.org/' || n AS url
              FROM generate_series(1, $3) AS n) AS numbered
"""


async def insert_entries(database: asyncpg.Connection, owner_id: UUID, count: int) -> set[str]:
    """As many entries of all sorts; their keys."""
    prefix = f"many-{uuid4().hex[:12]}-"
    await database.execute(_MANY, owner_id, prefix, count)
    return {f"{prefix}{n}" for n in range(1, count + 1)}


async def insert_collection(database: asyncpg.Connection, owner_id: UUID, *keys: str, name: str = "Trips") -> UUID:
    collection_id = uuid4()
    statement = "INSERT INTO collection (id, owner_id, name, created_at) VALUES ($1, $2, $3, now())"
    await database.execute(statement, collection_id, owner_id, name)
    statement = "INSERT INTO collection_entry (collection_id, entry_key, added_at) VALUES ($1, $2, now())"
    await database.executemany(statement, [(collection_id, key) for key in keys])
    return collection_id


async def expire(database: asyncpg.Connection, key: str) -> None:
    """Let an entry be over by the clock."""
    await database.execute("UPDATE entry SET expires_at = $2 WHERE key = $1", key, datetime.now(UTC))


def id_of(client: httpx.Client, user: User) -> UUID:
    return UUID(client.get("/api/v1/users/me", headers=user.headers).json()["id"])


def paste_of(client: httpx.Client, user: User, **fields: Any) -> str:
    """The key of a new paste."""
    return str(create_paste(client, headers=user.headers, **fields)["key"])


def link_of(client: httpx.Client, user: User, **fields: Any) -> str:
    """The key of a new link."""
    return str(create_link(client, headers=user.headers, **fields)["key"])


def delete(client: httpx.Client, user: User, key: str) -> None:
    client.delete(f"/api/v1/entries/{key}", headers=user.headers).raise_for_status()


def read_only_token(client: httpx.Client, user: User) -> dict[str, str]:
    body = {"name": "reader", "scopes": ["read"]}
    return bearer(client.post("/api/v1/tokens", json=body, headers=user.headers).json()["token"])


def list_page(client: httpx.Client, user: User, **query: Any) -> dict[str, Any]:
    response = client.get("/api/v1/entries", params=query, headers=user.headers)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def list_keys(client: httpx.Client, user: User, **query: Any) -> list[str]:
    """Of all pages."""
    keys: list[str] = []
    cursor = None
    while True:
        page = list_page(client, user, **query, **({"cursor": cursor} if cursor else {}))
        keys += [item["key"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return keys
