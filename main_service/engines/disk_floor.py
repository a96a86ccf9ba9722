"""Keeps a part of a disk free: what is written there last must not stop what else needs the disk."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

from main_service.errors import StorageFullError

LOOK_SECONDS = 1.0
"""The disk is looked at once in this time at most."""


def free_bytes(folder: Path) -> int:
    """What users other than root may still write there."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


class DiskFloor:
    """One per folder and process."""

    def __init__(
        self,
        folder: Path,
        floor_bytes: int,
        *,
        look: Callable[[Path], int] = free_bytes,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`floor_bytes`: 0 for none."""
        self._folder = folder
        self._floor_bytes = floor_bytes
        self._look = look
        self._clock = clock
        self._look_again_at = 0.0
        self._has_room = True

    async def require_room(self) -> None:
        """Let pass while there is more free than the floor.

        Raises:
            StorageFullError: there is not.
            OSError: the disk can't be looked at.
        """
        if self._floor_bytes and self._clock() >= self._look_again_at:
            self._look_again_at = self._clock() + LOOK_SECONDS
            # A disk may hang.
            self._has_room = await asyncio.to_thread(self._look, self._folder) >= self._floor_bytes
        if not self._has_room:
            raise StorageFullError
