"""The texts of pastes in the object store, compressed with zstd, and a cache of them in memory.

A text never changes under its id: a new text gets a new id, so the cache is never stale.
"""

import asyncio
import errno
import logging
import os
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

import obstore
import zstandard

from main_service.engines.disk_floor import DiskFloor
from main_service.engines.object_store import ObjectMissingError, ObjectStore, translated_errors
from main_service.errors import BodyStoreUnavailableError, StorageFullError, TextTooLargeError

logger = logging.getLogger(__name__)

COMPRESSION_LEVEL = 3
INLINE_BYTES = 64 * 1024
"""Up to this size, compressing is faster than handing the work to a thread."""
CHUNK_BYTES = 64 * 1024
IDS_PER_PAGE = 1_000


_NO_ROOM = re.compile(rf"\(os error ({errno.ENOSPC}|{errno.EDQUOT})\)")
"""What obstore says of a disk without bytes or inodes, or of a quota that is used up. It has no error of its own."""
_NO_TEXT = UUID(int=0)
"""An id that no text has."""


@dataclass(frozen=True)
class StoredBody:
    body_id: UUID
    stored_at: datetime


@dataclass(frozen=True)
class TextChunks:
    """A text in UTF-8, as chunks. It can be iterated again."""

    start: Callable[[], AsyncIterator[bytes]]
    """Gives the chunks from the first one on."""
    held_bytes: int
    """How many bytes stay in memory for this reader alone until the last chunk."""
    stored: bytes | None = None
    """The text as it is stored, compressed with zstd; None: it is in memory as it is."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.start()


def in_one_chunk(text: bytes, *, held_bytes: int) -> TextChunks:
    """A text that is in memory as a single chunk."""

    async def once() -> AsyncIterator[bytes]:
        yield text

    return TextChunks(once, held_bytes=held_bytes)


class BodyStore:
    """Texts by their `body_id`, at `<two letters>/<body_id>` below the store's address.

    Raises:
        BodyStoreUnavailableError: from every method, when the store is away, refuses or is full.
    """

    def __init__(self, store: ObjectStore, *, max_text_bytes: int, min_free_bytes: int = 0) -> None:
        """`min_free_bytes`: how much texts must leave free on a folder's disk; 0 for no limit."""
        self._store = store
        self._folder = store.folder
        self._max_text_bytes = max_text_bytes
        self._floor = DiskFloor(store.folder, min_free_bytes) if store.folder is not None else None

    async def put(self, body_id: UUID, text: bytes) -> None:
        """Keep `text`; when this returns it outlives a power cut.

        Raises:
            TextTooLargeError: it has more than `max_text_bytes`.
            StorageFullError: less than `min_free_bytes` is free, or the disk of a folder has no bytes or inodes left.
        """
        if len(text) > self._max_text_bytes:
            raise TextTooLargeError(self._max_text_bytes)
        if self._floor is not None:
            with translated_errors():
                await self._floor.require_room()
        if len(text) <= INLINE_BYTES:
            compressed = zstandard.compress(text, COMPRESSION_LEVEL)
        else:
            compressed = await asyncio.to_thread(zstandard.compress, text, COMPRESSION_LEVEL)
        try:
            await self._store.put(_path(body_id), compressed)
        except BodyStoreUnavailableError as error:
            if _NO_ROOM.search(str(error.__cause__)):
                raise StorageFullError from error
            raise

    async def get(self, body_id: UUID) -> bytes:
        """The whole text.

        Raises:
            ObjectMissingError: there is none under this id.
        """
        return b"".join([chunk async for chunk in await self.open(body_id)])

    async def open(self, body_id: UUID) -> TextChunks:
        """The text in chunks. While a slow reader takes a large one, only its compressed form is in memory.

        Raises:
            ObjectMissingError: there is none under this id; raised before the first chunk.
        """
        compressed = await self._store.get(_path(body_id))
        window_bytes = zstandard.get_frame_parameters(compressed).window_size
        return TextChunks(
            partial(_decompressed, compressed), held_bytes=len(compressed) + window_bytes, stored=compressed
        )

    async def delete(self, body_ids: Sequence[UUID]) -> None:
        """Delete texts; one that is missing counts as deleted."""
        await self._store.delete([_path(body_id) for body_id in body_ids])

    async def discard(self, body_id: UUID) -> None:
        """Delete a text that no row names; if that fails, the daily sweep finds it."""
        try:
            await self.delete([body_id])
        except BodyStoreUnavailableError as error:
            logger.warning("A text without an entry is left for the daily sweep: %r", error.__cause__)

    async def check(self) -> None:
        """Return if the store answers, or raise."""
        if self._folder is not None:
            with translated_errors():
                # A local store does not notice that its disk is not mounted or its folder belongs to another user.
                await asyncio.to_thread(_require_writable, self._folder)
            return
        try:
            # Not its size, which is asked for by HEAD: no body would tell a bucket that is gone from a missing text.
            await self._store.get(_path(_NO_TEXT))
        except ObjectMissingError:
            return

    async def list_pages(self) -> AsyncIterator[list[StoredBody]]:
        """All texts, in pages of at most `IDS_PER_PAGE`, in no order."""
        with translated_errors():
            async for page in obstore.list(self._store.open(), chunk_size=IDS_PER_PAGE):
                bodies = []
                for stored in page:
                    body_id = _body_id(stored["path"])
                    if body_id is not None:
                        bodies.append(StoredBody(body_id, stored["last_modified"]))
                yield bodies

    async def sweep_unfinished(self, *, older_than: timedelta) -> int:
        """Delete unfinished files of processes that were killed while they wrote; return how many. S3 has none."""
        if self._folder is None:
            return 0
        with translated_errors():
            return await asyncio.to_thread(_sweep_unfinished, self._folder, older_than)


def _path(body_id: UUID) -> str:
    return f"{body_id.hex[:2]}/{body_id}"


def _body_id(path: str) -> UUID | None:
    """The id of the text at `path`; None if it is not a text."""
    try:
        return UUID(path.rpartition("/")[2])
    except ValueError:
        return None


async def _decompressed(compressed: bytes) -> AsyncIterator[bytes]:
    for chunk in zstandard.ZstdDecompressor().read_to_iter(compressed, write_size=CHUNK_BYTES):
        yield chunk


def _require_writable(folder: Path) -> None:
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} is missing or may not be written")


def _sweep_unfinished(folder: Path, older_than: timedelta) -> int:
    """Delete the files `<name>#<number>`, which the local store writes first and leaves out of its listing."""
    swept = 0
    for file in folder.glob("*/*#*"):
        try:
            if time.time() - file.stat().st_mtime > older_than.total_seconds():
                file.unlink()
                swept += 1
        except FileNotFoundError:
            # Its put has ended, or another sweep was faster.
            continue
    return swept


LARGEST_BYTES = 64 * 1024
"""The size of the largest text that is cached."""
CACHE_BYTES = 32 * 1024 * 1024
"""The size of all cached texts, not counting about 200 bytes for each."""


class TextCache:
    """Texts in memory, of which the least recently used make room; one per process. Permissions are not its business.

    A `body_id` is given by its 32 hexadecimal digits: looking up a UUID takes five times as long as a string. A text
    may be there in content codings, too: each is looked up and makes room for itself.
    """

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        self._limit_bytes = limit_bytes
        self._texts: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0

    def get(self, body_id: str, coding: str = "") -> bytes | None:
        """The text as it is, or in a content coding."""
        name = body_id + coding
        text = self._texts.get(name)
        if text is not None:
            self._texts.move_to_end(name)
        return text

    def put(self, body_id: str, text: bytes, coding: str = "") -> None:
        """Keep the text, if it is not larger than `LARGEST_BYTES`."""
        name = body_id + coding
        if len(text) > LARGEST_BYTES or name in self._texts:
            return
        self._texts[name] = text
        self._bytes += len(text)
        while self._bytes > self._limit_bytes:
            _, dropped = self._texts.popitem(last=False)
            self._bytes -= len(dropped)
