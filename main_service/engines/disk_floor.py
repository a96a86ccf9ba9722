"""Keeps a part of a disk free, so that texts don't take the space that the engines on the same disk need."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from main_service.errors import StorageFullError

LOOK_SECONDS = 1.0
"""The free space is measured at most once in this time."""


def free_bytes(folder: Path) -> int:
    """How many bytes users other than root may still write in `folder`."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


class DiskFloor:
    """The free space that a folder's disk must keep. One per folder and process."""

    def __init__(
        self,
        folder: Path,
        floor_bytes: int,
        *,
        look: Callable[[Path], int] = free_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`floor_bytes`: what must stay free; 0 for no floor. `look`: measures the free bytes of a folder."""
        self._folder = folder
        self._floor_bytes = floor_bytes
        self._look = look
        self._clock = clock
        self._look_again_at = 0.0
        self._has_room = True

    async def require_room(self) -> None:
        """Return while more is free than the floor.

        Raises:
            StorageFullError: there is less.
            OSError: the disk can't be examined.
        """
        if self._floor_bytes and self._clock() >= self._look_again_at:
            self._look_again_at = self._clock() + LOOK_SECONDS
            # A disk that hangs must not stop the event loop.
            self._has_room = await asyncio.to_thread(self._look, self._folder) >= self._floor_bytes
        if not self._has_room:
            raise StorageFullError
