"""Temporary files that have no name, so that nothing is left of them when the process ends."""

from pathlib import Path
from typing import Protocol


class _Open(Protocol):
    def fileno(self) -> int: ...

    def flush(self) -> None: ...


def path_of_open_file(file: _Open) -> Path:
    """A path at which this process can open `file` from its beginning, as long as `file` is open."""
    # First, because a spooled file goes to disk when its number is asked for.
    path = Path(f"/proc/self/fd/{file.fileno()}")
    file.flush()
    return path
