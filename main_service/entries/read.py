"""Reads entries and texts by key, and counts requests for keys that are unknown."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from main_service.engines.object_store import ObjectMissingError
from main_service.engines.postgres import Session
from main_service.engines.rate_limits import ClientAddress
from main_service.engines.texts import LARGEST_BYTES, BodyStore, TextCache, TextChunks, in_one_chunk
from main_service.entries import storage
from main_service.entries.aliases import is_key
from main_service.entries.cache import LONGEST_LIFETIME, EntryCache, is_cacheable
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import NotAPasteError
from main_service.entries.models import ArchivalReason, Entry
from main_service.entries.permissions import Actor
from main_service.errors import DatabaseUnavailableError, EntryEndedError, NotFoundError
from main_service.keys.key_filter import KeyFilter
from main_service.keys.scan_limit import ScanLimit
from main_service.languages.detection import LanguageDetection

Found = TypeVar("Found")


class KeyLookup:
    """Looks up the keys that a client asks for, and counts those that are unknown to it.

    Every service that gets keys from clients uses it, so that none gets around the limit.
    """

    def __init__(self, limit: ScanLimit, address: ClientAddress) -> None:
        """`address`: the client's; None: it can't be told from others."""
        self._limit = limit
        self._address = address

    async def look_up(self, key: str, find: Callable[[str], Awaitable[Found]]) -> Found:
        """Return what `find` returns for the key. It raises NotFoundError for a key that is unknown to the client.

        Raises:
            NotFoundError: the key is unknown to the client, or can be no key at all.
            TooManyUnknownKeysError: it is unknown, and the client has asked for too many such keys.
        """
        if not is_key(key):
            raise NotFoundError
        try:
            return await find(key)
        except NotFoundError:
            await self.count_unknown(1)
            raise

    async def count_unknown(self, number: int) -> None:
        """Count unknown keys of a list, when the client learns which of them are unknown.

        Raises:
            TooManyUnknownKeysError: the client has asked for too many.
        """
        if number:
            await self._limit.count(self._address, number)


logger = logging.getLogger(__name__)

USE_PRECISION = LONGEST_LIFETIME
"""A use is recorded at most once in this time. Cached entries last no longer, so that their use is recorded too."""

VIEWED_TEXT_GRACE = timedelta(minutes=1)
"""How long the text stays after the last view: other viewers may have opened it just before it was spent."""


class EntryReader:
    """Reads entries and their texts, spends limited views, and records use."""

    def __init__(
        self,
        *,
        session: Session,
        cache: EntryCache,
        key_filter: KeyFilter,
        lookup: KeyLookup,
        bodies: BodyStore,
        texts: TextCache,
        notes_use: bool,
        languages: LanguageDetection | None,
    ) -> None:
        """`notes_use`: whether reading the row of an entry counts as a use.

        `languages`: finds the language of a paste whose text is read, if nothing has looked for it; None: nothing does.
        """
        self._session = session
        self._cache = cache
        self._key_filter = key_filter
        self._lookup = lookup
        self._bodies = bodies
        self._texts = texts
        self._notes_use = notes_use
        self._languages = languages

    async def get(self, key: str, actor: Actor) -> LiveEntry:
        """The live entry of `key`, from the cache or else from the database.

        Raises:
            NotFoundError: the key was never used, or the actor may not know that it was.
            TooManyUnknownKeysError: the key is unknown, and the client has asked for too many such keys.
            EntryEndedError: the entry has ended.
        """
        return await self._lookup.look_up(key, lambda key: self._find(key, actor))

    async def _find(self, key: str, actor: Actor) -> LiveEntry:
        """The live entry from the cache, or from its row, and then it is cached."""
        found = await self._cache.find(key)
        if found.entry is not None:
            if found.entry.is_over:
                raise EntryEndedError(ArchivalReason.EXPIRED)
            return found.entry
        miss = found.miss
        if miss is not None and miss.standing is None and await self._key_filter.is_surely_unused(key):
            raise NotFoundError
        entry = await self._read_row(key, actor)
        if miss is not None:
            await self._cache.set_if_absent(entry, miss)
        return entry

    async def counted(self, entry: LiveEntry) -> LiveEntry:
        """The entry with its visit counts, which the cache does not hold; without it while the database is away."""
        if entry.visit_count is not None:
            return entry
        try:
            visits, imported = await storage.get_visit_counts(self._session, entry.key)
        except DatabaseUnavailableError as error:
            logger.warning("An entry is shown without its visits: %r", error.__cause__)
            return entry
        return replace(entry, visit_count=visits, imported_visit_count=imported)

    async def follow(self, entry: LiveEntry, actor: Actor) -> LiveEntry:
        """Spend a view of a link, if they are limited, and return the link to be followed.

        Raises:
            NotFoundError, EntryEndedError: it has just ended, or the actor may no longer see it.
        """
        while entry.views_left is not None:
            if (viewed := await self._spend_view(entry)) is not None:
                return viewed
            entry = await self._read_row(entry.key, actor)
        return entry

    async def open_text(self, entry: LiveEntry, actor: Actor) -> tuple[LiveEntry, TextChunks]:
        """The text of a paste in chunks of UTF-8, and the entry it belongs to: a newer state if it was just changed.

        Where views are limited, one has been spent, and only once the text was there to be shown.

        Raises:
            NotAPasteError: it is a link.
            NotFoundError, EntryEndedError: it has just ended, or the actor may no longer see it.
        """
        while True:
            entry, chunks = await self.load_text(entry, actor)
            if entry.views_left is None:
                return entry, chunks
            if (viewed := await self._spend_view(entry)) is not None:
                return viewed, chunks
            entry = await self._read_row(entry.key, actor)

    async def load_text(self, entry: LiveEntry, actor: Actor) -> tuple[LiveEntry, TextChunks]:
        """The text of a paste as `open_text` returns it, without spending a view: for those who manage the entry.

        Raises:
            NotAPasteError: it is a link.
            NotFoundError, EntryEndedError: it has just ended, or the actor may no longer see it.
        """
        missing: UUID | None = None
        while True:
            if entry.body_id is None:
                raise NotAPasteError
            try:
                return entry, await self._open_body(entry, entry.body_id)
            except ObjectMissingError:
                # It was changed or deleted since the row was read, or the disk of texts has just come back. If neither,
                # the text is lost: a bug, and a 500.
                if entry.body_id == missing:
                    raise
                missing = entry.body_id
                entry = await self._read_row(entry.key, actor)

    async def _open_body(self, entry: LiveEntry, body_id: UUID) -> TextChunks:
        """The text, from memory if this process has read it before."""
        if not is_cacheable(entry) or (entry.size_bytes or 0) > LARGEST_BYTES:
            chunks = await self._bodies.open(body_id)
            self._offer(entry, None)
            return chunks
        text = self._texts.get(body_id.hex)
        if text is None:
            text = await self._bodies.get(body_id)
            self._texts.put(body_id.hex, text)
        self._offer(entry, text)
        # It is in the cache already.
        return in_one_chunk(text, held_bytes=0)

    def _offer(self, entry: LiveEntry, text: bytes | None) -> None:
        if self._languages is not None and entry.body_id is not None and entry.needs_detection:
            self._languages.offer(entry.key, entry.body_id, title=entry.title, text=text)

    async def _spend_view(self, entry: LiveEntry) -> LiveEntry | None:
        """The entry with one view less; None: it has changed or ended since it was read."""
        row = await storage.spend_view(self._session, entry)
        if row is None:
            return None
        if row.ended_at is not None and row.body_id is not None:
            await storage.queue_body(self._session, row.body_id, grace=VIEWED_TEXT_GRACE)
        viewed = LiveEntry.from_row(row)
        # Commit before the page is rendered: others wait for the row.
        await self._session.commit()
        return viewed

    async def _read_row(self, key: str, actor: Actor) -> LiveEntry:
        """The live entry from its row.

        The transaction ends here, so that no connection is held while Redis or the object store is busy. Here use is
        recorded, once a day. An entry is cached no longer, so that constant use is recorded day by day.
        """
        try:
            row = require_live(await storage.find(self._session, key), actor)
            entry = LiveEntry.from_row(row)
            used_at = max(each for each in (row.updated_at, row.last_visit_at, row.used_at) if each is not None)
            if self._notes_use and used_at < datetime.now(UTC) - USE_PRECISION:
                await self._note_use(key)
            return entry
        finally:
            await self._session.rollback()

    async def _note_use(self, key: str) -> None:
        try:
            await storage.note_use(self._session, key)
            await self._session.commit()
        except DatabaseUnavailableError as error:
            logger.warning("A use was not written down: %r", error.__cause__)


def require_live(entry: Entry | None, actor: Actor) -> Entry:
    """Return the row if it exists, is live, and the actor may see it.

    Raises:
        NotFoundError: it does not exist, or the actor may not see it.
        EntryEndedError: it is not live.
    """
    if entry is None or not actor.may_see(entry):
        raise NotFoundError
    if entry.archival_reason is not None:
        raise EntryEndedError(entry.archival_reason)
    if entry.expires_at is not None and entry.expires_at <= datetime.now(UTC):
        raise EntryEndedError(ArchivalReason.EXPIRED)
    return entry
