"""Writes everything that belongs to a user as one zip while it is being sent. docs/export_format.md describes it.

Memory holds a batch of rows, a few texts as they are stored, and the directory of the zip: some 0.5 KB for each text.
"""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.object_store import ObjectMissingError
from main_service.engines.postgres import Session
from main_service.engines.texts import BodyStore, TextChunks
from main_service.entries.models import Kind
from main_service.my_entries import archive_storage as storage
from main_service.my_entries.archive_storage import ArchivedEntry, ArchivedText
from main_service.my_entries.imported_lines import read_imported
from main_service.my_entries.zip_stream import ZipStream
from main_service.web.cursors import Position

FORMAT = "slipbin-export"
VERSION = 1
_BATCH_SIZE = 1000
_TEXTS_AHEAD = 8
_BYTES_AHEAD = 8 * 1024 * 1024
"""How many texts are fetched before they are sent, and up to how many bytes of them; one is, whatever its size."""
_FIGURES_AT_ONCE = 2000
"""Entries with fewer visits together are asked for at once; one with more is, 90 days at a time."""
_DAYS_AT_ONCE = timedelta(days=90)
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(9999, 1, 1)

_OF_PASTES = ("syntax", "detected_syntax", "size_bytes")
_OF_LINKS = ("original_url", "passes_query", "targets")


@dataclass
class _Manifest:
    site: str
    made_at: datetime
    format: str = FORMAT
    version: int = VERSION
    entries: int = 0
    texts: int = 0
    figures: int = 0
    imported_figures: int = 0
    collections: int = 0
    collected: int = 0
    without_text: list[str] = field(default_factory=list)


class ArchiveService:
    """Reads what belongs to a user in batches, each in a session of its own.

    A request's session is closed before the first chunk of its answer is sent, and none is open while a chunk is.
    """

    def __init__(self, *, sessions: async_sessionmaker[Session], bodies: BodyStore, public_url: str) -> None:
        self._sessions = sessions
        self._bodies = bodies
        self._public_url = public_url

    async def chunks(self, owner_id: UUID) -> AsyncGenerator[bytes]:
        """The zip of an owner's entries, texts, figures and collections. The first chunk is empty, and says that the
        database answers.

        No view is spent and no visit counted. An entry that is made meanwhile isn't in it.

        Raises:
            DatabaseUnavailableError, BodyStoreUnavailableError: before the first chunk, or after some.
            ObjectMissingError: the text of a live paste is lost.
        """
        begun_at = datetime.now(UTC)
        manifest = _Manifest(self._public_url, begun_at)
        archive = ZipStream(made_at=begun_at)
        last = _Last()
        async with self._sessions() as session:
            await storage.list_entries(session, owner_id, after=None, until=None, limit=1)
        yield b""
        members = (
            archive.add("entries.jsonl", self._entries(owner_id, manifest, last)),
            self._texts(owner_id, archive, manifest, last),
            archive.add("figures.jsonl", self._figures(owner_id, manifest, last)),
            archive.add("imported_figures.jsonl", self._imported_figures(owner_id, manifest, last)),
            archive.add("collections.jsonl", self._collections(owner_id, manifest)),
            archive.add("manifest.json", _whole(manifest)),
        )
        for member in members:
            async with aclosing(member):
                async for part in member:
                    yield part
        yield await asyncio.to_thread(archive.close)

    async def _batches(self, owner_id: UUID, *, until: Position | None) -> AsyncIterator[list[ArchivedEntry]]:
        after = None
        while True:
            async with self._sessions() as session:
                found = await storage.list_entries(session, owner_id, after=after, until=until, limit=_BATCH_SIZE)
            yield found
            if len(found) < _BATCH_SIZE:
                return
            after = found[-1].position

    async def _entries(self, owner_id: UUID, manifest: _Manifest, last: "_Last") -> AsyncIterator[bytes]:
        async for batch in self._batches(owner_id, until=None):
            links = [each.entry.key for each in batch if each.entry.kind is Kind.LINK]
            async with self._sessions() as session:
                targets = await storage.list_targets(session, links)
            now = datetime.now(UTC)
            manifest.entries += len(batch)
            last.position = batch[-1].position if batch else last.position
            lines = [_entry(each, targets.get(each.entry.key, []), now) for each in batch]
            yield await asyncio.to_thread(_lines, lines)

    async def _texts(
        self, owner_id: UUID, archive: ZipStream, manifest: _Manifest, last: "_Last"
    ) -> AsyncGenerator[bytes]:
        """A member for each text. Some are fetched ahead, because a store may take long to answer."""
        ahead: deque[tuple[ArchivedText, asyncio.Task[TextChunks | None]]] = deque()
        try:
            async for wanted in self._wanted_texts(owner_id, manifest, last):
                ahead.append((wanted, asyncio.create_task(self._open(wanted))))
                while len(ahead) > _TEXTS_AHEAD or (len(ahead) > 1 and _size_bytes(ahead) > _BYTES_AHEAD):
                    async for part in self._text(*ahead.popleft(), archive, manifest):
                        yield part
            while ahead:
                async for part in self._text(*ahead.popleft(), archive, manifest):
                    yield part
        finally:
            for _, task in ahead:
                task.cancel()

    async def _wanted_texts(self, owner_id: UUID, manifest: _Manifest, last: "_Last") -> AsyncIterator[ArchivedText]:
        after, until = None, last.position
        while until is not None:
            async with self._sessions() as session:
                found = await storage.list_texts(
                    session,
                    owner_id,
                    begun_at=manifest.made_at,
                    now=datetime.now(UTC),
                    after=after,
                    until=until,
                    limit=_BATCH_SIZE,
                )
            for text in found:
                yield text
            if len(found) < _BATCH_SIZE:
                return
            after = found[-1].position

    async def _open(self, text: ArchivedText) -> TextChunks | None:
        """The text; None: it has ended."""
        body_id = text.body_id
        while body_id is not None:
            try:
                return await self._bodies.open(body_id)
            except ObjectMissingError:
                # It was changed or deleted since its row was read; otherwise it is lost.
                missing = body_id
                async with self._sessions() as session:
                    body_id = await storage.find_body(session, text.key)
                if body_id == missing:
                    raise
        return None

    async def _text(
        self, text: ArchivedText, opened: "asyncio.Task[TextChunks | None]", archive: ZipStream, manifest: _Manifest
    ) -> AsyncIterator[bytes]:
        chunks = await opened
        if chunks is None:
            manifest.without_text.append(text.key)
            return
        manifest.texts += 1
        async for part in archive.add(f"texts/{text.key}", chunks):
            yield part

    async def _figures(self, owner_id: UUID, manifest: _Manifest, last: "_Last") -> AsyncIterator[bytes]:
        if last.position is None:
            return
        async for batch in self._batches(owner_id, until=last.position):
            few: list[str] = []
            counted = 0
            for each in batch:
                if counted + each.counted > _FIGURES_AT_ONCE and few:
                    yield await self._figures_of(few, _FIRST_DAY, _LAST_DAY, manifest)
                    few, counted = [], 0
                if each.counted > _FIGURES_AT_ONCE:
                    async for lines in self._many_figures(each.entry.key, manifest):
                        yield lines
                elif each.counted:
                    few.append(each.entry.key)
                    counted += each.counted
            if few:
                yield await self._figures_of(few, _FIRST_DAY, _LAST_DAY, manifest)

    async def _many_figures(self, key: str, manifest: _Manifest) -> AsyncIterator[bytes]:
        async with self._sessions() as session:
            days = await storage.find_days(session, key)
        if days is None:
            return
        first, last = days
        while first <= last:
            yield await self._figures_of([key], first, first + _DAYS_AT_ONCE, manifest)
            first += _DAYS_AT_ONCE

    async def _figures_of(self, keys: list[str], first: date, until: date, manifest: _Manifest) -> bytes:
        async with self._sessions() as session:
            found = await storage.list_figures(session, keys, from_day=first, until_day=until)
        manifest.figures += len(found)
        return await asyncio.to_thread(_lines, found)

    async def _imported_figures(self, owner_id: UUID, manifest: _Manifest, last: "_Last") -> AsyncIterator[bytes]:
        if last.position is None:
            return
        async for batch in self._batches(owner_id, until=last.position):
            keys = [each.entry.key for each in batch if each.has_imported_visits]
            async for lines in read_imported(self._sessions, keys):
                manifest.imported_figures += len(lines)
                yield "".join(f"{line}\n" for line in lines).encode()

    async def _collections(self, owner_id: UUID, manifest: _Manifest) -> AsyncIterator[bytes]:
        async with self._sessions() as session:
            collections = await storage.list_collections(session, owner_id)
        for each in collections:
            manifest.collections += 1
            names = {"name": each.name, "created_at": each.created_at, "shared_key": each.shared_key}
            yield _lines([{"collection": each.id, **names}])
            after = None
            while True:
                async with self._sessions() as session:
                    found = await storage.list_collected(session, owner_id, each.id, after=after, limit=_BATCH_SIZE)
                manifest.collected += len(found)
                yield _lines([{"collection": each.id, "key": one.key, "added_at": one.value} for one in found])
                if len(found) < _BATCH_SIZE:
                    break
                after = found[-1]


@dataclass
class _Last:
    """The position of the last entry in the archive; None: there is none."""

    position: Position | None = None


def _size_bytes(ahead: Iterable[tuple[ArchivedText, object]]) -> int:
    return sum(text.size_bytes for text, _ in ahead)


def _entry(archived: ArchivedEntry, targets: list[tuple[datetime, str]], now: datetime) -> dict[str, Any]:
    entry = archived.entry.at(now)
    line = vars(entry) | {
        "state": entry.state,
        "has_public_statistics": archived.has_public_statistics,
        "bot_count": archived.bot_count,
        "imported_bot_count": archived.imported_bot_count,
        "targets": [{"valid_from": valid_from, "original_url": url} for valid_from, url in targets],
    }
    others = _OF_LINKS if entry.kind is Kind.PASTE else _OF_PASTES
    return {name: value for name, value in line.items() if name not in others}


async def _whole(manifest: _Manifest) -> AsyncIterator[bytes]:
    yield json.dumps(vars(manifest), default=_plain, ensure_ascii=False, indent=1).encode()


def _lines(lines: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line, default=_plain, ensure_ascii=False).encode() + b"\n" for line in lines)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
