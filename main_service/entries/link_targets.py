"""What links led to, and since when, in PostgreSQL: so that each visit keeps the target that it led to."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, text

from main_service.engines.postgres import Session
from main_service.entries.models import Entry, LinkTarget

MOST_TARGETS = 100
"""Kept of one link, the newest: 800 KiB at most, and more than a year of weekly changes."""

# A release that writes no rows may have made the link, or changed it since the last row.
_NOTE_FORMER = text(
    """
    INSERT INTO link_target (key, valid_from, original_url)
    SELECT CAST(:key AS text),
           CASE WHEN last.valid_from IS NULL THEN date_trunc('milliseconds', CAST(:created_at AS timestamptz))
                ELSE greatest(date_trunc('milliseconds', CAST(:updated_at AS timestamptz)),
                              last.valid_from + interval '1 millisecond') END,
           CAST(:former AS text)
    FROM (VALUES (1)) AS one LEFT JOIN LATERAL (
        SELECT valid_from, original_url FROM link_target
        WHERE key = CAST(:key AS text) ORDER BY valid_from DESC LIMIT 1
    ) AS last ON true
    WHERE last.original_url IS DISTINCT FROM CAST(:former AS text)
    """
)
_NOTE = text(
    """
    INSERT INTO link_target (key, valid_from, original_url)
    SELECT CAST(:key AS text),
           greatest(date_trunc('milliseconds', CAST(:changed_at AS timestamptz)),
                    max(valid_from) + interval '1 millisecond'),
           CAST(:original_url AS text)
    FROM link_target WHERE key = CAST(:key AS text)
    """
)
_FORGET_OLDEST = text(
    """
    DELETE FROM link_target
    WHERE key = :key AND valid_from < (
        SELECT valid_from FROM link_target WHERE key = :key ORDER BY valid_from DESC OFFSET :most - 1 LIMIT 1
    )
    """
).bindparams(most=MOST_TARGETS)
_LIST_CHANGED = text(
    """
    WITH changes AS (
        SELECT key, valid_from, original_url FROM link_target
        WHERE key = ANY(CAST(:keys AS text[])) AND valid_from > :since
    )
    SELECT key, valid_from, original_url FROM changes
    UNION ALL
    SELECT changed.key, former.valid_from, former.original_url
    FROM (SELECT DISTINCT key FROM changes) AS changed CROSS JOIN LATERAL (
        SELECT valid_from, original_url FROM link_target
        WHERE key = changed.key AND valid_from <= :since ORDER BY valid_from DESC LIMIT 1
    ) AS former
    ORDER BY key, valid_from
    """
)


class Led(NamedTuple):
    """Where a link led from an instant on."""

    valid_from: datetime
    original_url: str


async def note_change(session: Session, entry: Entry, *, original_url: str, changed_at: datetime) -> None:
    """Note that a link leads elsewhere from `changed_at` on. `entry`: its locked row as it was before."""
    values = {"created_at": entry.created_at, "updated_at": entry.updated_at, "former": entry.original_url}
    await session.execute(_NOTE_FORMER, {"key": entry.key, **values})
    await session.execute(_NOTE, {"key": entry.key, "original_url": original_url, "changed_at": changed_at})
    await session.execute(_FORGET_OLDEST, {"key": entry.key})


async def forget(session: Session, keys: Sequence[str]) -> None:
    """Delete what is known of where these links led."""
    await session.execute(delete(LinkTarget).where(LinkTarget.key.in_(keys)))


async def list_changed(session: Session, keys: Collection[str], *, since: datetime) -> dict[str, list[Led]]:
    """Of the links whose target changed after `since`: what they led to then, and after each change, in this order."""
    changed: dict[str, list[Led]] = {}
    for key, valid_from, original_url in await session.execute(_LIST_CHANGED, {"keys": list(keys), "since": since}):
        changed.setdefault(key, []).append(Led(valid_from, original_url))
    return changed
