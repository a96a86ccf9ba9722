"""Creates pastes and links."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.accounts.errors import TokenInvalidError
from main_service.engines.postgres import Session
from main_service.engines.texts import BodyStore
from main_service.entries import storage
from main_service.entries.aliases import is_reserved
from main_service.entries.create_limits import Allowance
from main_service.entries.entry import FIELDS, LiveEntry
from main_service.entries.errors import AliasReservedError, AliasTakenError, IdempotencyKeyReusedError, SelfLinkError
from main_service.entries.idempotency import IdempotentRequest
from main_service.entries.insert_batches import InsertBatcher
from main_service.entries.lifetimes import Lifetime, LifetimePolicy
from main_service.entries.models import Kind, Visibility
from main_service.entries.permissions import Actor
from main_service.entries.read import require_live
from main_service.entries.urls import is_self_link
from main_service.errors import EntryEndedError, FieldError, InvalidInputError, NotFoundError
from main_service.keys.pool import KeySource, Pool
from main_service.languages.changes import declared_by
from main_service.languages.detection import LanguageDetection
from main_service.monitoring.tallies import ENTRIES_CREATED

_EMPTY: dict[str, Any] = dict.fromkeys(FIELDS)


@dataclass(frozen=True)
class NewEntry:
    """What a paste and a link have in common when they are created."""

    alias: str | None
    """The key to use; None draws one."""
    lifetime: Lifetime
    views: int | None
    """How often it can be viewed; None: unlimited."""
    fields: dict[str, Any]
    """Values of columns by name: title, visibility, and those of its kind except the text of a paste."""
    has_secret_key: bool = False
    """Whether a key that is drawn for it is to be hard to guess, though it need not be."""

    @property
    def is_private(self) -> bool:
        return self.fields["visibility"] is Visibility.PRIVATE


class EntryCreateService:
    """Creates entries of a user (`owner_id`) or, without one, of a guest.

    Each method may be given the `idempotency` of its request: if one with the same scope and key succeeded before, it
    returns that one's entry.

    Raises:
        IdempotencyKeyReusedError: that one had another body.
        EntryEndedError, NotFoundError: that one's entry has ended since, or is another user's private one now.
    """

    def __init__(
        self,
        *,
        sessions: async_sessionmaker[Session],
        batcher: InsertBatcher,
        bodies: BodyStore,
        keys: KeySource,
        lifetimes: LifetimePolicy,
        allowance: Allowance,
        owner_id: UUID | None,
        public_url: str,
        languages: LanguageDetection | None,
    ) -> None:
        """`languages`: finds the language of a paste without one, later; None: nothing does."""
        self._sessions = sessions
        self._batcher = batcher
        self._bodies = bodies
        self._keys = keys
        self._lifetimes = lifetimes
        self.allowance = allowance
        self._owner_id = owner_id
        self._public_url = public_url
        self._languages = languages

    async def create_link(self, new: NewEntry, *, idempotency: IdempotentRequest | None = None) -> LiveEntry:
        """Create a link.

        Raises:
            InvalidInputError: a value is not allowed.
            AliasReservedError, AliasTakenError: the alias can't be used.
            TooMuchCreatedError: the client has created too much of late.
        """
        if is_self_link(new.fields["original_url"], self._public_url):
            raise SelfLinkError
        if idempotency and (made := await self._find_made(idempotency)):
            return made
        draft = self._draft(Kind.LINK, new)
        await self.allowance.take_link()
        return await self._insert(draft, idempotency, _pool_of(draft, new))

    async def create_paste(
        self,
        new: NewEntry,
        *,
        text: bytes,
        idempotency: IdempotentRequest | None = None,
    ) -> LiveEntry:
        """Create a paste from `text` in UTF-8.

        The text is stored before the row, so that a crash leaves no entry without its text.

        Raises:
            InvalidInputError, TextTooLargeError: a value is not allowed.
            AliasReservedError, AliasTakenError: the alias can't be used.
            TooMuchCreatedError: the client has created too much of late.
        """
        if idempotency and (made := await self._find_made(idempotency)):
            return made
        body_id = uuid4()
        detected = declared_by(text, title=new.fields["title"], syntax=new.fields["syntax"])
        draft = self._draft(Kind.PASTE, new, body_id=body_id, size_bytes=len(text), detected_syntax=detected)
        await self.allowance.take_content(len(text))
        await self._bodies.put(body_id, text)
        try:
            made = await self._insert(draft, idempotency, Pool.PASTE)
        except (AliasTakenError, IdempotencyKeyReusedError, EntryEndedError, NotFoundError, TokenInvalidError):
            await self._bodies.discard(body_id)
            raise
        if made.body_id != body_id:
            await self._bodies.discard(body_id)
        elif self._languages is not None and made.needs_detection:
            self._languages.offer(made.key, body_id, title=made.title, text=text)
        return made

    async def _find_made(self, idempotency: IdempotentRequest) -> LiveEntry | None:
        """The entry that the same request has created before; None: it is the first."""
        async with self._sessions() as session:
            remembered = await storage.find_idempotency_key(session, idempotency)
            if remembered is None:
                return None
            if remembered.body_digest != idempotency.body_digest:
                raise IdempotencyKeyReusedError
            row = await storage.find(session, remembered.entry_key)
            return LiveEntry.from_row(require_live(row, Actor(account_id=self._owner_id)))

    def _draft(self, kind: Kind, new: NewEntry, **content: Any) -> LiveEntry:
        """The entry to create, with all values checked. Its key is the alias, or empty until one is drawn."""
        if new.alias is not None and is_reserved(new.alias):
            raise AliasReservedError
        if new.is_private:
            self._check_private(new)
        now = datetime.now(UTC)
        values = {
            "passes_query": False,
            **new.fields,
            **content,
            "key": new.alias or "",
            "kind": kind,
            "owner_id": self._owner_id,
            "manage_generation": 0,
            "created_at": now,
            "updated_at": now,
            "version": 1,
            "expires_at": self._lifetimes.expiry(new.lifetime, now=now),
            "has_public_statistics": False,
            "visit_count": 0,
            "imported_visit_count": 0,
            "views_left": new.views,
        }
        return LiveEntry(**(_EMPTY | values))

    def _check_private(self, new: NewEntry) -> None:
        if self._owner_id is None:
            message = "Sign in to create private entries."
            raise InvalidInputError(fields=[FieldError("visibility", "private_for_users", message)])
        if new.alias is not None:
            message = "A private entry can't have an alias: anyone who tried the same name would learn that it exists."
            raise InvalidInputError(fields=[FieldError("alias", "alias_of_private", message)])

    async def _insert(self, draft: LiveEntry, idempotency: IdempotentRequest | None, pool: Pool) -> LiveEntry:
        """Insert under the alias, or else under the first drawn key that is free and not reserved."""
        if idempotency is not None:
            return await self._insert_once(draft, idempotency, pool)
        entry = await self._with_key(draft, pool)
        while not await self._batcher.insert(entry):
            if draft.key:
                raise AliasTakenError
            entry = await self._with_key(draft, pool)
        _count(entry)
        return entry

    async def _insert_once(self, draft: LiveEntry, idempotency: IdempotentRequest, pool: Pool) -> LiveEntry:
        """Insert in a transaction of its own that also remembers the idempotency key.

        If a request is sent twice at once, the second waits here until the first has committed, and gets its entry.
        """
        entry = await self._with_key(draft, pool)
        async with self._sessions() as session:
            is_known = await self._batcher.make_known([entry.key])
            while not await storage.remember_idempotency_key(session, idempotency, entry_key=entry.key):
                await session.rollback()
                if made := await self._find_made(idempotency):
                    return made
            while not await storage.create(session, entry, must_invalidate=not is_known):
                if draft.key:
                    raise AliasTakenError
                entry = await self._with_key(draft, pool)
                is_known = await self._batcher.make_known([entry.key])
                await storage.update_idempotency_key(session, idempotency, entry_key=entry.key)
            await session.commit()
        _count(entry)
        return entry

    async def _with_key(self, draft: LiveEntry, pool: Pool) -> LiveEntry:
        """The entry with its alias, or with a key from the pool."""
        if draft.key:
            return draft
        while is_reserved(key := await self._keys.take(pool)):
            continue
        return replace(draft, key=key)


def _pool_of(link: LiveEntry, new: NewEntry) -> Pool:
    """Where the key of a link is drawn from: a short one only where it is no secret."""
    is_secret = new.has_secret_key or link.views_left is not None or link.visibility is Visibility.PRIVATE
    return Pool.PASTE if is_secret else Pool.LINK


def _count(entry: LiveEntry) -> None:
    ENTRIES_CREATED[entry.kind.value, "guest" if entry.owner_id is None else "user"].add()
