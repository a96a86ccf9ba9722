"""Writes rows with dates in the past, as no request can make them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg


def ago(**span: float) -> datetime:
    return datetime.now(UTC) - timedelta(**span)


async def insert_account(database: asyncpg.Connection) -> UUID:
    account_id = uuid4()
    await database.execute(
        """
        INSERT INTO account (id, email, hashed_password, is_active, is_superuser, is_verified, registered_at,
                             session_epoch)
        VALUES ($1::uuid, $1::uuid || '@example.org', 'none', true, false, true, now(), 0)
        """,
        account_id,
    )
    return account_id


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
    """The same for a paste, whose text is stored nowhere."""
    content = {"kind": "paste", "original_url": None, "target_digest": None, "size_bytes": 4, "syntax": "python"}
    return await insert_entry(database, **{**content, "body_id": uuid4(), **columns})


def ended(at: datetime) -> dict[str, Any]:
    return {"ended_at": at, "archival_reason": "deleted", "updated_at": at}


async def find(database: asyncpg.Connection, key: str) -> asyncpg.Record:
    return await database.fetchrow("SELECT * FROM entry WHERE key = $1", key)
