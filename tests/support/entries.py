"""Makes entries, through the API and by SQL: with dates in the past, or in numbers, as no request can make them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from tests.support.accounts import User

Headers = dict[str, str]

# Kinds, titles, visibilities and ends of all sorts; many created in one microsecond, many with one title.
_INSERT_MANY = """
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


def create_paste(client: httpx.Client, *, headers: Headers | None = None, **fields: Any) -> dict[str, Any]:
    return _create(client, "/api/v1/pastes", {"text": "some text\n", **fields}, headers)


def create_link(client: httpx.Client, *, headers: Headers | None = None, **fields: Any) -> dict[str, Any]:
    return _create(client, "/api/v1/links", {"original_url": "https://example.org/target", **fields}, headers)


def owned_paste(client: httpx.Client, user: User, **fields: Any) -> str:
    """The key of a new paste of the user."""
    return str(create_paste(client, headers=user.headers, **fields)["key"])


def owned_link(client: httpx.Client, user: User, **fields: Any) -> str:
    """The key of a new link of the user."""
    return str(create_link(client, headers=user.headers, **fields)["key"])


def new_alias() -> str:
    return f"alias-{uuid4().hex[:12]}"


def manage_headers(entry: dict[str, Any]) -> Headers:
    """The manage token of an entry, as the header that lets a guest change it."""
    return {"X-Manage-Token": entry["manage_token"]}


def delete_entry(client: httpx.Client, user: User, key: str) -> None:
    client.delete(f"/api/v1/entries/{key}", headers=user.headers).raise_for_status()


def list_entries(client: httpx.Client, user: User, **query: Any) -> dict[str, Any]:
    """One page of the user's entries."""
    response = client.get("/api/v1/entries", params=query, headers=user.headers)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


def list_entry_keys(client: httpx.Client, user: User, **query: Any) -> list[str]:
    """The keys of all pages of the user's entries."""
    keys: list[str] = []
    cursor = None
    while True:
        page = list_entries(client, user, **query, **({"cursor": cursor} if cursor else {}))
        keys += [item["key"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return keys


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


async def insert_entry(database: asyncpg.Connection, **columns: Any) -> str:
    """A live link without owner, used just now, that lasts another day, but for `columns`; return its key."""
    now = datetime.now(UTC)
    values = {
        "key": f"row-{uuid4().hex}",
        "kind": "link",
        "visibility": "unlisted",
        "title": "Title",
        "created_at": now,
        "updated_at": now,
        "expires_at": now + timedelta(days=1),
        "original_url": "https://example.org/",
        "target_digest": b"digest",
        **columns,
    }
    names = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await database.execute(f"INSERT INTO entry ({names}) VALUES ({places})", *values.values())
    return str(values["key"])


async def insert_paste(database: asyncpg.Connection, **columns: Any) -> str:
    """A live paste, as `insert_entry` makes a link; its text is stored nowhere."""
    content = {"kind": "paste", "original_url": None, "target_digest": None, "size_bytes": 4, "syntax": "python"}
    return await insert_entry(database, **{**content, "body_id": uuid4(), **columns})


async def insert_many_entries(database: asyncpg.Connection, owner_id: UUID, count: int) -> set[str]:
    """Insert `count` entries of all sorts; return their keys."""
    prefix = f"many-{uuid4().hex[:12]}-"
    await database.execute(_INSERT_MANY, owner_id, prefix, count)
    return {f"{prefix}{n}" for n in range(1, count + 1)}


def ended(at: datetime) -> dict[str, Any]:
    """The columns of an entry that was deleted then."""
    return {"ended_at": at, "archival_reason": "deleted", "updated_at": at}


async def expire_entry(database: asyncpg.Connection, key: str) -> None:
    """Move the end of its lifetime to now."""
    await database.execute("UPDATE entry SET expires_at = $2 WHERE key = $1", key, datetime.now(UTC))


async def find_entry(database: asyncpg.Connection, key: str) -> asyncpg.Record:
    """The row of an entry."""
    return await database.fetchrow("SELECT * FROM entry WHERE key = $1", key)


def _create(client: httpx.Client, path: str, body: dict[str, Any], headers: Headers | None) -> dict[str, Any]:
    response = client.post(path, json=body, headers=headers)
    assert response.status_code == 201, response.text
    created: dict[str, Any] = response.json()
    return created
