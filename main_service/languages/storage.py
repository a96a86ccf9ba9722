"""Languages that were detected, in PostgreSQL: what is stored in the rows of entries."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from main_service.engines.postgres import Session

# Leaves `version` and `updated_at`: the owner has changed nothing. Rows are locked in a fixed order.
_NOTE = text(
    """
    WITH found AS (
        SELECT entry.key, detected.language
          FROM unnest(CAST(:keys AS text[]), CAST(:body_ids AS uuid[]), CAST(:languages AS text[]))
               AS detected (key, body_id, language)
          JOIN entry ON entry.key = detected.key AND entry.body_id = detected.body_id
         WHERE entry.ended_at IS NULL AND entry.syntax IS NULL AND entry.detected_syntax IS NULL
         ORDER BY entry.key
           FOR NO KEY UPDATE OF entry
    ), noted AS (
        UPDATE entry SET detected_syntax = found.language FROM found WHERE entry.key = found.key RETURNING entry.key
    )
    INSERT INTO stale_key (key) SELECT key FROM noted RETURNING key
    """
)


@dataclass(frozen=True)
class Detected:
    """What was found of the text that a paste had."""

    key: str
    body_id: UUID
    language: str
    """Empty: nothing was found."""


async def note_detected(session: Session, found: list[Detected]) -> list[str]:
    """Store what was found and put the entries into the invalidation outbox; return the keys of those that changed.

    An entry that has ended, has another text or is known to be in a language by now stays as it is.
    """
    values = {
        "keys": [each.key for each in found],
        "body_ids": [each.body_id for each in found],
        "languages": [each.language for each in found],
    }
    return list((await session.execute(_NOTE, values)).scalars())
