"""Changing and deleting entries, for whoever may."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from main_service.bodies import BodyStore
from main_service.careful_redis import RedisAwayError
from main_service.database import Session
from main_service.entries import storage
from main_service.entries.copies import Copies
from main_service.entries.lifetimes import Lifetime, LifetimePolicy
from main_service.entries.live_entry import LiveEntry
from main_service.entries.manage_tokens import ManageTokens
from main_service.entries.models import ArchivalReason, Kind
from main_service.entries.reading import EntryReader, require_live
from main_service.entries.targets import leads_here
from main_service.errors import (
    EntryEndedError,
    FieldError,
    InvalidInputError,
    LeadsHereError,
    NotFoundError,
    UnavailableError,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Changes:
    """What to change. `fields` holds new values of columns by name; `text` a new text of a paste."""

    fields: dict[str, Any]
    lifetime: Lifetime
    text: bytes | None


class EntryChanger:
    def __init__(
        self,
        *,
        session: Session,
        reader: EntryReader,
        copies: Copies,
        bodies: BodyStore,
        manage_tokens: ManageTokens,
        lifetimes: LifetimePolicy,
        public_url: str,
    ) -> None:
        self._session = session
        self._reader = reader
        self._copies = copies
        self._bodies = bodies
        self._manage_tokens = manage_tokens
        self._lifetimes = lifetimes
        self._public_url = public_url

    async def change(self, key: str, changes: Changes, *, manage_token: str | None) -> LiveEntry:
        """Change an entry; effective at once for every reader.

        Raises:
            NotFoundError, EntryEndedError: as `get`.
            ManageTokenMissingError, ManageTokenWrongError: the asker may not.
            InvalidInputError, TextTooLargeError: see their sentences.
        """
        entry = await self._reader.get(key)
        self._manage_tokens.check(key, manage_token)
        values = self._checked_values(entry.kind, changes)
        body_id = None
        if changes.text is not None:
            body_id = uuid4()
            await self._bodies.put(body_id, changes.text)
            values |= {"body_id": body_id, "size_bytes": len(changes.text)}
        try:
            row = require_live(await storage.find_for_update(self._session, key))
        except (NotFoundError, EntryEndedError):
            if body_id is not None:
                await self._bodies.discard(body_id)
            raise
        old_body_id = row.body_id
        if values:
            await storage.change(self._session, row, {**values, "updated_at": datetime.now(UTC)})
            self._session.after_commit(lambda: self._bury(key))
        if body_id is not None and old_body_id is not None:
            await storage.queue_body(self._session, old_body_id)
            self._session.after_commit(lambda: self._delete_body(old_body_id))
        return LiveEntry.from_row(row)

    async def delete(self, key: str, *, manage_token: str | None) -> Kind:
        """End an entry at once, and delete its text; return what it was.

        Raises:
            NotFoundError, EntryEndedError: as `get`.
            ManageTokenMissingError, ManageTokenWrongError: the asker may not.
        """
        await self._reader.get(key)
        self._manage_tokens.check(key, manage_token)
        row = require_live(await storage.find_for_update(self._session, key))
        await storage.end(self._session, row, ArchivalReason.DELETED)
        self._session.after_commit(lambda: self._bury(key))
        if (body_id := row.body_id) is not None:
            self._session.after_commit(lambda: self._delete_body(body_id))
        return row.kind

    def _checked_values(self, kind: Kind, changes: Changes) -> dict[str, Any]:
        foreign = {"text", "syntax"} if kind is Kind.LINK else {"original_url"}
        given = set(changes.fields) | ({"text"} if changes.text is not None else set())
        if given & foreign:
            message = f"A {kind} has no such field."
            raise InvalidInputError(
                fields=[FieldError(name, "field_of_other_kind", message) for name in sorted(given & foreign)]
            )
        values = dict(changes.fields)
        if "original_url" in values and leads_here(values["original_url"], self._public_url):
            raise LeadsHereError
        if changes.lifetime.is_given:
            values["expires_at"] = self._lifetimes.expiry(changes.lifetime, now=datetime.now(UTC))
        return values

    async def _bury(self, key: str) -> None:
        try:
            await self._copies.bury([key])
        except RedisAwayError as error:
            logger.warning("Redis did not learn of a change; it will within 10 s of its return: %s", error)

    async def _delete_body(self, body_id: UUID) -> None:
        """Delete a queued text now instead of daily; if that fails, it stays queued."""
        try:
            await self._bodies.delete([body_id])
            await storage.note_deleted_bodies(self._session, [body_id])
            await self._session.commit()
        except UnavailableError as error:
            logger.warning("A deleted text is left for the daily clean-up: %r", error.__cause__)
