"""What can be done with entries, and who may."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from main_service.bodies import BodyMissingError, BodyStore
from main_service.careful_redis import RedisAwayError
from main_service.database import Session
from main_service.entries import storage
from main_service.entries.aliases import is_key, is_reserved
from main_service.entries.copies import Copies
from main_service.entries.lifetimes import Lifetime, LifetimePolicy
from main_service.entries.live_entry import LiveEntry
from main_service.entries.manage_tokens import ManageTokens
from main_service.entries.models import ArchivalReason, Entry, Kind, Visibility
from main_service.errors import (
    AliasReservedError,
    AliasTakenError,
    EntryEndedError,
    FieldError,
    InvalidInputError,
    NotAPasteError,
    NotFoundError,
    TextTooLargeError,
    UnavailableError,
)
from main_service.keys import KeySource, Pool

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class NewEntry:
    """What a paste and a link have in common when they are made. `alias`: the key to use; None draws one."""

    title: str | None
    alias: str | None
    visibility: Visibility
    lifetime: Lifetime


@dataclass(frozen=True)
class Changes:
    """What to change. `fields` holds new values of columns by name; `text` a new text of a paste."""

    fields: dict[str, Any]
    lifetime: Lifetime
    text: bytes | None


class EntryService:
    def __init__(
        self,
        *,
        session: Session,
        copies: Copies,
        bodies: BodyStore,
        keys: KeySource,
        manage_tokens: ManageTokens,
        lifetimes: LifetimePolicy,
        max_text_bytes: int,
    ) -> None:
        self._session = session
        self._copies = copies
        self._bodies = bodies
        self._keys = keys
        self._manage_tokens = manage_tokens
        self._lifetimes = lifetimes
        self._max_text_bytes = max_text_bytes

    async def create_link(self, new: NewEntry, *, original_url: str) -> LiveEntry:
        """Make a link.

        Raises:
            InvalidInputError, AliasReservedError, AliasTakenError: see their sentences.
        """
        return await self._insert(self._draft(Kind.LINK, new, original_url=original_url), Pool.LINK)

    async def create_paste(self, new: NewEntry, *, text: bytes, syntax: str | None) -> LiveEntry:
        """Make a paste. The text is stored before the row, so that a crash leaves no entry without its text.

        Raises:
            InvalidInputError, AliasReservedError, AliasTakenError, TextTooLargeError: see their sentences.
        """
        self._check_size(text)
        body_id = uuid4()
        draft = self._draft(Kind.PASTE, new, body_id=body_id, size_bytes=len(text), syntax=syntax)
        await self._bodies.put(body_id, text)
        try:
            return await self._insert(draft, Pool.PASTE)
        except AliasTakenError:
            await self._discard(body_id)
            raise

    async def get(self, key: str) -> LiveEntry:
        """The live entry of `key`, from its copy or else from the database.

        Raises:
            NotFoundError: the key was never used.
            EntryEndedError: what it stood for has ended.
        """
        if not is_key(key):
            raise NotFoundError
        found = await self._copies.find(key)
        if found.entry is not None:
            if found.entry.is_over:
                raise EntryEndedError(ArchivalReason.EXPIRED)
            return found.entry
        read_at = monotonic()
        entry = await self._read_row(key)
        if found.may_fill:
            await self._copies.fill(entry, read_at=read_at)
        return entry

    async def open_text(self, entry: LiveEntry) -> tuple[LiveEntry, AsyncIterator[bytes]]:
        """The text of a paste in chunks of UTF-8, and the entry it belongs to: a newer state if it was just changed.

        Raises:
            NotAPasteError: it is a link.
            NotFoundError, EntryEndedError: as `get`, when it has just ended.
        """
        if entry.body_id is None:
            raise NotAPasteError
        while True:
            try:
                return entry, await self._bodies.open(entry.body_id)
            except BodyMissingError:
                # It was changed or deleted since the row was read. If not, the text is lost: a bug, and a 500.
                fresh = await self._read_row(entry.key)
                if fresh.body_id is None or fresh.body_id == entry.body_id:
                    raise
                entry = fresh

    async def change(self, key: str, changes: Changes, *, manage_token: str | None) -> LiveEntry:
        """Change an entry; effective at once for every reader.

        Raises:
            NotFoundError, EntryEndedError: as `get`.
            ManageTokenMissingError, ManageTokenWrongError: the asker may not.
            InvalidInputError, TextTooLargeError: see their sentences.
        """
        entry = await self.get(key)
        self._manage_tokens.check(key, manage_token)
        values = self._checked_values(entry.kind, changes)
        body_id = None
        if changes.text is not None:
            body_id = uuid4()
            await self._bodies.put(body_id, changes.text)
            values |= {"body_id": body_id, "size_bytes": len(changes.text)}
        try:
            row = _live(await storage.find_for_update(self._session, key))
        except (NotFoundError, EntryEndedError):
            if body_id is not None:
                await self._discard(body_id)
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
        await self.get(key)
        self._manage_tokens.check(key, manage_token)
        row = _live(await storage.find_for_update(self._session, key))
        await storage.end(self._session, row, ArchivalReason.DELETED)
        self._session.after_commit(lambda: self._bury(key))
        if (body_id := row.body_id) is not None:
            self._session.after_commit(lambda: self._delete_body(body_id))
        return row.kind

    def check_manager(self, key: str, manage_token: str | None) -> None:
        """Let pass whoever may change and delete the entry of `key`.

        Raises:
            ManageTokenMissingError, ManageTokenWrongError: the asker may not.
        """
        self._manage_tokens.check(key, manage_token)

    def manage_token(self, key: str) -> str:
        return self._manage_tokens.token_for(key)

    async def _read_row(self, key: str) -> LiveEntry:
        """The live row. Its transaction ends here: no connection is held while Redis or the object store is busy."""
        try:
            return LiveEntry.from_row(_live(await storage.find(self._session, key)))
        finally:
            await self._session.rollback()

    def _draft(
        self,
        kind: Kind,
        new: NewEntry,
        *,
        original_url: str | None = None,
        body_id: UUID | None = None,
        size_bytes: int | None = None,
        syntax: str | None = None,
    ) -> LiveEntry:
        """The entry to be, all checked; its key is the alias, or empty while none is drawn."""
        if new.alias is not None and is_reserved(new.alias):
            raise AliasReservedError
        now = datetime.now(UTC)
        return LiveEntry(
            key=new.alias or "",
            kind=kind,
            title=new.title,
            visibility=new.visibility,
            created_at=now,
            updated_at=now,
            expires_at=self._lifetimes.expiry(new.lifetime, now=now),
            original_url=original_url,
            body_id=body_id,
            size_bytes=size_bytes,
            syntax=syntax,
        )

    async def _insert(self, draft: LiveEntry, pool: Pool) -> LiveEntry:
        """Insert under the alias, or else under the first key that is free and no word of ours."""
        if draft.key:
            if not await storage.create(self._session, draft):
                raise AliasTakenError
            return draft
        while True:
            entry = replace(draft, key=await self._keys.take(pool))
            if not is_reserved(entry.key) and await storage.create(self._session, entry):
                return entry

    def _checked_values(self, kind: Kind, changes: Changes) -> dict[str, Any]:
        foreign = {"text", "syntax"} if kind is Kind.LINK else {"original_url"}
        given = set(changes.fields) | ({"text"} if changes.text is not None else set())
        if given & foreign:
            message = f"A {kind} has no such field."
            raise InvalidInputError(
                fields=[FieldError(name, "field_of_other_kind", message) for name in sorted(given & foreign)]
            )
        if changes.text is not None:
            self._check_size(changes.text)
        values = dict(changes.fields)
        if changes.lifetime.is_given:
            values["expires_at"] = self._lifetimes.expiry(changes.lifetime, now=datetime.now(UTC))
        return values

    def _check_size(self, text: bytes) -> None:
        if len(text) > self._max_text_bytes:
            raise TextTooLargeError(self._max_text_bytes)

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

    async def _discard(self, body_id: UUID) -> None:
        """Delete a text that no row names; if that fails, the daily sweep finds it."""
        try:
            await self._bodies.delete([body_id])
        except UnavailableError as error:
            logger.warning("A text without an entry is left for the daily sweep: %r", error.__cause__)


def _live(entry: Entry | None) -> Entry:
    """The row if it is there and live.

    Raises:
        NotFoundError, EntryEndedError: it is not.
    """
    if entry is None:
        raise NotFoundError
    if entry.archival_reason is not None:
        raise EntryEndedError(entry.archival_reason)
    if entry.expires_at <= datetime.now(UTC):
        raise EntryEndedError(ArchivalReason.EXPIRED)
    return entry
