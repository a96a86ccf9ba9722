"""The history of links' targets in PostgreSQL, so that each visit keeps the target that it led to."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, text

from main_service.engines.postgres import Session
from main_service.entries.models import Entry, LinkTarget

MAX_TARGETS = 100
"""How many targets of a link are kept, the newest: at most 800 KiB, and more than a year of weekly changes."""

# An older release, which writes no rows, may have made the link, or changed it since the last row.
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
_RESTORE = text(
    """
    INSERT INTO link_target (key, valid_from, original_url)
    SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:instants AS timestamptz[]), CAST(:urls AS text[]))
    """
)
_FORGET_OLDEST = text(
    """
    DELETE FROM link_target
    WHERE key = :key AND valid_from < (
        SELECT valid_from FROM link_target WHERE key = :key ORDER BY valid_from DESC OFFSET :most - 1 LIMIT 1
    )
    """
).bindparams(most=MAX_TARGETS)
_LIST_CHANGED = text(
    """
    SELECT DISTINCT key FROM link_target AS later
    WHERE key = ANY(CAST(:keys AS text[])) AND valid_from > :since
      -- One alone is that of a link that was made since.
      AND EXISTS (SELECT FROM link_target WHERE key = later.key AND valid_from < later.valid_from)
    """
)
# A visit that claims to be earlier than a link's first row gets the target of that row.
_LIST_AT = text(
    """
    WITH visit AS (
        SELECT key, timestamptz 'epoch' + at_ms * interval '1 millisecond' AS visited_at
        FROM unnest(CAST(:keys AS text[]), CAST(:instants AS bigint[])) AS visit (key, at_ms)
    ), held AS (
        SELECT DISTINCT key, coalesce(
            (SELECT max(valid_from) FROM link_target WHERE link_target.key = visit.key AND valid_from <= visited_at),
            (SELECT min(valid_from) FROM link_target WHERE link_target.key = visit.key)
        ) AS valid_from
        FROM visit
    )
    SELECT key, valid_from, original_url FROM held JOIN link_target USING (key, valid_from)
    """
)
MAX_IN_MEMORY = 500
"""How many targets `list_at` holds in memory at once: at most 4 MiB."""


class TargetSince(NamedTuple):
    """The target of a link from an instant on."""

    key: str
    valid_from: datetime
    original_url: str


async def note_change(session: Session, entry: Entry, *, original_url: str, changed_at: datetime) -> None:
    """Record that a link has a new target from `changed_at` on. `entry`: its locked row as it was before."""
    values = {"created_at": entry.created_at, "updated_at": entry.updated_at, "former": entry.original_url}
    await session.execute(_NOTE_FORMER, {"key": entry.key, **values})
    await session.execute(_NOTE, {"key": entry.key, "original_url": original_url, "changed_at": changed_at})
    await session.execute(_FORGET_OLDEST, {"key": entry.key})


async def restore(session: Session, targets: Mapping[str, Sequence[tuple[datetime, str]]]) -> None:
    """Give new links the targets that they had elsewhere, in place of the one that they were made with.

    `targets`: by key, from when on each was valid, in whole milliseconds and no two from the same; at most
    `MAX_TARGETS` of a link, the last of which is its target now.
    """
    await forget(session, list(targets))
    rows = [(key, valid_from, url) for key, of_link in targets.items() for valid_from, url in of_link]
    columns = dict(zip(("keys", "instants", "urls"), map(list, zip(*rows, strict=True)), strict=True))
    await session.execute(_RESTORE, columns)


async def forget(session: Session, keys: Sequence[str]) -> None:
    """Delete the recorded targets of these links."""
    await session.execute(delete(LinkTarget).where(LinkTarget.key.in_(keys)))


async def list_changed(session: Session, keys: Collection[str], *, since: datetime) -> set[str]:
    """The keys of those links that had another target before, and whose target changed after `since`."""
    return set((await session.execute(_LIST_CHANGED, {"keys": list(keys), "since": since})).scalars())


async def list_at(session: Session, visits: Collection[tuple[str, int]]) -> AsyncIterator[TargetSince]:
    """Yield the targets that links had at the times of visits, each once, in no order.

    `visits`: key and ms since 1970 of each. For a visit before the first recorded target, that one counts.
    """
    columns = {"keys": [key for key, _ in visits], "instants": [at_ms for _, at_ms in visits]}
    async for rows in session.partitions(_LIST_AT, columns, size=MAX_IN_MEMORY):
        for row in rows:
            yield TargetSince(*row)
