"""Making pastes and links."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from main_service.bodies import BodyStore
from main_service.database import Session
from main_service.entries import storage
from main_service.entries.aliases import is_reserved
from main_service.entries.lifetimes import Lifetime, LifetimePolicy
from main_service.entries.live_entry import LiveEntry
from main_service.entries.models import Kind, Visibility
from main_service.errors import AliasReservedError, AliasTakenError
from main_service.keys import KeySource, Pool


@dataclass(frozen=True)
class NewEntry:
    """What a paste and a link have in common when they are made. `alias`: the key to use; None draws one."""

    title: str | None
    alias: str | None
    visibility: Visibility
    lifetime: Lifetime


class EntryCreator:
    def __init__(self, *, session: Session, bodies: BodyStore, keys: KeySource, lifetimes: LifetimePolicy) -> None:
        self._session = session
        self._bodies = bodies
        self._keys = keys
        self._lifetimes = lifetimes

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
        body_id = uuid4()
        draft = self._draft(Kind.PASTE, new, body_id=body_id, size_bytes=len(text), syntax=syntax)
        await self._bodies.put(body_id, text)
        try:
            return await self._insert(draft, Pool.PASTE)
        except AliasTakenError:
            await self._bodies.discard(body_id)
            raise

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
