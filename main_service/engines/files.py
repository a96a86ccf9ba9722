"""Files that are made for users, in the object store beside the texts.

A file has the id of what it was made for; made again, it takes the place of the one before.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from uuid import UUID

from main_service.engines.disk_floor import DiskFloor
from main_service.engines.object_store import ObjectStore, translated_errors

CHUNK_BYTES = 1024 * 1024
"""The size of one request to the store. A slow reader holds no request open between two of them."""


class FileStore:
    """Files at `files/<id>.file` below the store's address, where no text is.

    Raises:
        BodyStoreUnavailableError: from every method, when the store is away, refuses or is full.
    """

    def __init__(self, store: ObjectStore, *, min_free_bytes: int = 0) -> None:
        """`min_free_bytes`: how much must be free on a folder's disk where `require_room` is asked; 0 for no limit."""
        self._store = store
        self._floor = DiskFloor(store.folder, min_free_bytes) if store.folder is not None else None

    async def require_room(self) -> None:
        """Check before storing files of users, which could fill the disk.

        Raises:
            StorageFullError: less than `min_free_bytes` is free.
        """
        if self._floor is not None:
            with translated_errors():
                await self._floor.require_room()

    async def put(self, file_id: UUID, source: Path) -> None:
        """Keep a copy of the file at `source`; when this returns it outlives a power cut. A few parts are in memory."""
        await self._store.put(_path(file_id), source)

    async def get(self, file_id: UUID) -> bytes:
        """The whole file, in memory.

        Raises:
            ObjectMissingError: there is none under this id.
        """
        return b"".join([chunk async for chunk in self.open(file_id, size_bytes=await self.measure(file_id))])

    async def measure(self, file_id: UUID) -> int:
        """The size of the file in bytes.

        Raises:
            ObjectMissingError: there is none under this id.
        """
        return await self._store.size_bytes(_path(file_id))

    async def open(self, file_id: UUID, *, size_bytes: int) -> AsyncIterator[bytes]:
        """The file in chunks of `CHUNK_BYTES`, of which one is in memory.

        Raises:
            ObjectMissingError: there is none under this id; also in the middle, if it is deleted meanwhile.
        """
        for start in range(0, size_bytes, CHUNK_BYTES):
            yield await self._store.get_range(_path(file_id), start=start, end=min(start + CHUNK_BYTES, size_bytes))

    async def delete(self, file_ids: Sequence[UUID]) -> None:
        """Delete files; one that is missing counts as deleted."""
        await self._store.delete([_path(file_id) for file_id in file_ids])


def _path(file_id: UUID) -> str:
    # The suffix distinguishes it from a text, whose name is only an id.
    return f"files/{file_id}.file"
