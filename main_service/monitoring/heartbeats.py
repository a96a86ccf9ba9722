"""Finds web processes that hang: the event loop of each notes that it runs, and any of them sees which has stopped.

The note is the time of `PID.role` in the folder of metrics_files, taken from the clock that starts with the machine:
all its processes share it, and nothing sets it.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from main_service.monitoring.metrics_files import find_folder, members

HANGS_AFTER_SECONDS = 15.0
"""How long a process may not have run: longer than a busy machine keeps it waiting, shorter than a gateway waits."""


def beat() -> None:
    """Note that the event loop of this process runs. Call it each second."""
    now = time.monotonic()
    _note((now, now))


def rest() -> None:
    """Note that it ends now, and is not to be missed."""
    _note(None)


def find_hanging(role: str) -> list[int]:
    """The ids of the processes of this role that have run before and not for long; none where no folder is shared."""
    folder = find_folder()
    if folder is None:
        return []
    hanging = []
    for member in members(folder):
        # One that has ended meanwhile.
        with suppress(FileNotFoundError):
            # The file is made with the time of day, which is later than any that is noted.
            beaten_at = _file(folder, member.pid).stat().st_mtime
            if member.role == role and time.monotonic() - beaten_at > HANGS_AFTER_SECONDS:
                hanging.append(member.pid)
    return sorted(hanging)


def _note(times: tuple[float, float] | None) -> None:
    folder = find_folder()
    if folder is not None:
        # A folder that is gone; metrics can do without it, too.
        with suppress(OSError):
            os.utime(_file(folder, os.getpid()), times)


def _file(folder: Path, pid: int) -> Path:
    return folder / f"{pid}.role"
