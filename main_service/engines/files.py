"""Files that are made for users, in the object store beside the texts.

A file has the id of whatever it was made for; made again, it takes the place of the one before.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import UUID

import obstore

from main_service.engines.object_store import ObjectStore, require_folder, sync_to_disk, translated_errors

PART_BYTES = 5 * 1024 * 1024
"""The least that S3 takes as a part of a larger upload."""
PARTS_AT_ONCE = 2
CHUNK_BYTES = 1024 * 1024
"""A request of its own, so that a slow reader keeps none open."""


class FileMissingError(LookupError):
    """The store has no file under this id."""


class FileStore:
    """Files at `files/<id>.file` below the store's address, which no text is at.

    Raises:
        BodyStoreUnavailableError: from every method, when the store is away, refuses or is full.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._folder = store.folder

    async def put(self, file_id: UUID, source: Path) -> None:
        """Keep a copy of the file at `source`; when this returns it outlives a power cut. A few parts are in memory."""
        path = _path(file_id)
        with translated_errors():
            require_folder(self._folder)
            store = self._store.client
            await obstore.put_async(store, path, source, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)
            if self._folder is not None:
                await asyncio.to_thread(sync_to_disk, self._folder, path)

    async def get(self, file_id: UUID) -> bytes:
        """The whole file.

        Raises:
            FileMissingError: there is none under this id.
        """
        return b"".join([chunk async for chunk in self.open(file_id, size_bytes=await self.measure(file_id))])

    async def measure(self, file_id: UUID) -> int:
        """Its size in bytes.

        Raises:
            FileMissingError: there is none under this id.
        """
        with translated_errors():
            try:
                return (await obstore.head_async(self._store.client, _path(file_id)))["size"]
            except FileNotFoundError as error:
                require_folder(self._folder)
                raise FileMissingError(file_id) from error

    async def open(self, file_id: UUID, *, size_bytes: int) -> AsyncIterator[bytes]:
        """The file in chunks, of which a slow reader holds one.

        Raises:
            FileMissingError: there is none under this id; maybe in the middle, when it was deleted meanwhile.
        """
        for start in range(0, size_bytes, CHUNK_BYTES):
            end = min(start + CHUNK_BYTES, size_bytes)
            with translated_errors():
                try:
                    chunk = await obstore.get_range_async(self._store.client, _path(file_id), start=start, end=end)
                except FileNotFoundError as error:
                    raise FileMissingError(file_id) from error
            yield bytes(chunk)

    async def delete(self, file_ids: Sequence[UUID]) -> None:
        """Delete files; one that is missing counts as deleted."""
        with translated_errors():
            require_folder(self._folder)
            for file_id in file_ids:
                try:
                    await obstore.delete_async(self._store.client, _path(file_id))
                except FileNotFoundError:
                    continue


def _path(file_id: UUID) -> str:
    # The ending tells it from a text, whose name is a mere id.
    return f"files/{file_id}.file"
