"""Updates, claims and deletes entries for those who are allowed to."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from main_service.engines.postgres import Session
from main_service.engines.texts import BodyStore
from main_service.entries import storage
from main_service.entries.aliases import is_key, is_long_key
from main_service.entries.cache_invalidation import PostCommitInvalidation
from main_service.entries.create_limits import Allowance
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import SelfLinkError, VersionMismatchError
from main_service.entries.lifetimes import Lifetime, LifetimePolicies
from main_service.entries.models import ArchivalReason, Entry, Kind, Visibility
from main_service.entries.permissions import Actor, EntryPolicy
from main_service.entries.read import EntryReader, require_live
from main_service.entries.urls import is_self_link
from main_service.errors import AppError, FieldError, InvalidInputError
from main_service.languages.changes import after_change
from main_service.languages.detection import LanguageDetection

FIELDS_OF_OTHER_KIND = {Kind.LINK: {"text", "syntax"}, Kind.PASTE: {"original_url", "passes_query"}}
"""The fields that only entries of the other kind have, by kind."""


@dataclass(frozen=True)
class Changes:
    """What to change: `fields` are new values of columns by name, `text` is a new text of a paste (None: keep it)."""

    fields: dict[str, Any]
    lifetime: Lifetime
    text: bytes | None


class EntryChangeService:
    """Updates, claims and deletes entries. Every reader sees the change once the transaction is committed."""

    def __init__(
        self,
        *,
        session: Session,
        reader: EntryReader,
        invalidation: PostCommitInvalidation,
        bodies: BodyStore,
        entry_policy: EntryPolicy,
        lifetimes: LifetimePolicies,
        allowance: Callable[[UUID | None], Allowance],
        public_url: str,
        languages: LanguageDetection | None,
    ) -> None:
        """`allowance`: returns what an account, or with None a guest at the client's address, may still create.

        `languages`: finds the language of a paste without one, later; None: nothing does.
        """
        self._session = session
        self._reader = reader
        self._invalidation = invalidation
        self._bodies = bodies
        self._entry_policy = entry_policy
        self._lifetimes = lifetimes
        self._allowance = allowance
        self._public_url = public_url
        self._languages = languages

    async def update(
        self, key: str, changes: Changes, actor: Actor, *, versions: Collection[int] | None = None
    ) -> LiveEntry:
        """Change an entry, effective at once for every reader.

        `versions`: the versions that the changes are meant for; None: any.

        Raises:
            NotFoundError, TooManyUnknownKeysError, EntryEndedError: it does not exist for the actor, or has ended.
            SignInRequiredError, NotOwnerError, ManageTokenMissingError, ManageTokenWrongError: the actor may not.
            InvalidInputError, TextTooLargeError: a value is not allowed for this entry.
            TooMuchCreatedError: the client has changed too much of late.
            VersionMismatchError: its version is none of them by now.
        """
        entry = await self._reader.get(key, actor)
        self._entry_policy.require_may_manage(entry, actor)
        values = self._checked_values(entry, changes)
        # A refused change isn't counted. A cached entry may be older than the row, so it is checked again once that is
        # locked.
        if versions is not None and all(version < entry.version for version in versions):
            raise VersionMismatchError(entry.version)
        # Counted even if the entry has this content already, which is only certain once its row is locked.
        if (content := _new_content(changes)) is not None:
            await self._allowance(actor.account_id).take_content(len(content))
        body_id = None
        if changes.text is not None:
            body_id = uuid4()
            await self._bodies.put(body_id, changes.text)
            values |= {"body_id": body_id, "size_bytes": len(changes.text)}
        try:
            row = await self._lock(key, actor)
            _require_version(row, versions)
        except AppError:
            if body_id is not None:
                await self._bodies.discard(body_id)
            raise
        old_body_id = row.body_id
        if values:
            values |= after_change(values, title=row.title, syntax=row.syntax, new_text=changes.text)
            values |= {"updated_at": datetime.now(UTC), "version": row.version + 1}
            await storage.change(self._session, row, values)
            self._invalidation.invalidate([key])
        if body_id is not None and old_body_id is not None:
            await storage.queue_body(self._session, old_body_id)
            self._invalidation.delete_bodies([old_body_id])
        changed = LiveEntry.from_row(row)
        self._offer(changed, changes.text)
        return changed

    def _offer(self, entry: LiveEntry, text: bytes | None) -> None:
        """Once the change is committed, have the language looked for, if it is unknown now."""
        languages, body_id = self._languages, entry.body_id
        if languages is not None and body_id is not None and entry.needs_detection:

            async def offer() -> None:
                languages.offer(entry.key, body_id, title=entry.title, text=text)

            self._session.after_commit(offer)

    async def claim(self, key: str, account_id: UUID, *, manage_token: str | None) -> LiveEntry:
        """Move a guest's entry into an account by its manage token, which no longer opens it then. Repeatable.

        Raises:
            NotFoundError, TooManyUnknownKeysError, EntryEndedError: it does not exist for the actor, or has ended.
            NotOwnerError, ManageTokenMissingError, ManageTokenWrongError: the actor may not.
            TokenInvalidError: the account has just been deleted.
        """
        actor = Actor(account_id=account_id, manage_token=manage_token)
        self._entry_policy.require_may_manage(await self._reader.get(key, actor), actor)
        row = await self._lock(key, actor)
        if row.owner_id is None:
            await storage.own(self._session, row, account_id)
            self._invalidation.invalidate([key])
        return LiveEntry.from_row(row)

    async def delete(self, key: str, actor: Actor, *, versions: Collection[int] | None = None) -> Kind:
        """End an entry at once, delete its text, and return its kind.

        `versions`: the versions that may be deleted; None: any.

        Raises:
            NotFoundError, TooManyUnknownKeysError, EntryEndedError: it does not exist for the actor, or has ended.
            SignInRequiredError, NotOwnerError, ManageTokenMissingError, ManageTokenWrongError: the actor may not.
            VersionMismatchError: its version is none of them by now.
        """
        self._entry_policy.require_may_manage(await self._reader.get(key, actor), actor)
        row = await self._lock(key, actor)
        _require_version(row, versions)
        await storage.end(self._session, row, ArchivalReason.DELETED)
        self._invalidation.invalidate([key])
        self._invalidation.delete_bodies([row.body_id] if row.body_id else [])
        return row.kind

    async def delete_many(self, keys: Sequence[str], owner_id: UUID) -> list[str]:
        """End those entries that are the owner's and live; return their keys, in the given order."""
        ended = await storage.end_owned(self._session, owner_id, keys=[key for key in keys if is_key(key)])
        self._invalidation.invalidate([end.key for end in ended])
        self._invalidation.delete_bodies([end.body_id for end in ended if end.body_id])
        gone = {end.key for end in ended}
        return [key for key in dict.fromkeys(keys) if key in gone]

    async def _lock(self, key: str, actor: Actor) -> Entry:
        """Lock the row until the transaction ends, and check permissions again: it may have an owner by now."""
        row = require_live(await storage.find_for_update(self._session, key), actor)
        self._entry_policy.require_may_manage(row, actor)
        return row

    def _checked_values(self, entry: LiveEntry, changes: Changes) -> dict[str, Any]:
        """The new values of columns.

        Raises:
            InvalidInputError: one is not allowed for this entry.
        """
        foreign = FIELDS_OF_OTHER_KIND[entry.kind]
        given = set(changes.fields) | ({"text"} if changes.text is not None else set())
        if given & foreign:
            message = f"A {entry.kind} has no such field."
            raise InvalidInputError(
                fields=[FieldError(name, "field_of_other_kind", message) for name in sorted(given & foreign)]
            )
        values = dict(changes.fields)
        if "original_url" in values and is_self_link(values["original_url"], self._public_url):
            raise SelfLinkError
        if values.get("visibility") is Visibility.PRIVATE and entry.owner_id is None:
            message = "Only entries of an account can be private. Sign in and claim it first."
            raise InvalidInputError(fields=[FieldError("visibility", "private_for_users", message)])
        if values.get("visibility") is Visibility.PRIVATE and not is_long_key(entry.key):
            message = "Its link could be guessed: only entries with a random 11-character key can become private."
            raise InvalidInputError(fields=[FieldError("visibility", "key_too_easy", message)])
        if changes.lifetime.is_given:
            policy = self._lifetimes.of(entry.owner_id)
            values["expires_at"] = policy.expiry(changes.lifetime, now=datetime.now(UTC))
        return values


def _new_content(changes: Changes) -> bytes | None:
    """The new text of a paste or target of a link; None: neither is changed."""
    original_url: str | None = changes.fields.get("original_url")
    return changes.text if original_url is None else original_url.encode()


def _require_version(row: Entry, versions: Collection[int] | None) -> None:
    """Compare the locked row, because a cached entry may be older than what the client has seen."""
    if versions is not None and row.version not in versions:
        raise VersionMismatchError(row.version)
