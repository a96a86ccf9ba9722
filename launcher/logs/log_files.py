"""The files DATA/logs/NAME.log, one for each program: bounded in size and number, written line by line."""

import os
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from launcher.logs.stamps import stamped
from launcher.run_user import RunUser, acting_as

MAX_FILE_BYTES = 2 * 1024 * 1024
OLD_FILES = 4
"""Kept beside the one that is written, so a program has at most 10 MiB of them."""
LOOK_AFTER = timedelta(seconds=5)
"""How often to look whether the file is still there: an operator may move or delete it."""


class LogFiles:
    """The log files in one folder, opened when they are first written to."""

    def __init__(self, folder: Path, owner: RunUser | None) -> None:
        self.folder = folder
        self._owner = owner
        self._files: dict[str, LogFile] = {}

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def is_there(self, name: str) -> bool:
        """Whether there is a file of the program."""
        with acting_as(self._owner):
            return self.path(name).exists()

    def write(self, name: str, line: bytes) -> OSError | None:
        """Write a line of the program, with the time before it; return the error if that was not possible."""
        file = self._files.get(name)
        if file is None:
            file = self._files[name] = LogFile(self.path(name), self._owner)
        return file.write(line)


class LogFile:
    """One file. What can't be written, as on a full disk, is left out and counted; no error is raised for it.

    Each line is handed to the kernel at once: it outlives a crash of the program and of the launcher.
    """

    def __init__(self, path: Path, owner: RunUser | None) -> None:
        self._path = path
        self._owner = owner
        self._descriptor: int | None = None
        self._size_bytes = 0
        self._looked_at = 0.0
        self._left_out = 0
        self._is_torn = False
        """The last line has no end: the disk was full."""

    def write(self, line: bytes) -> OSError | None:
        """Write a line, given without its newline; return the error if that was not possible."""
        data = self._gap() + stamped(line) + b"\n"
        try:
            descriptor = self._ready(len(data))
            written = os.write(descriptor, data)
        except OSError as error:
            self._left_out += 1
            self._close()
            return error
        self._size_bytes += written
        self._is_torn = written < len(data)
        self._left_out = 1 if self._is_torn else 0
        return None

    def _gap(self) -> bytes:
        if not self._left_out:
            return b""
        told = f"{self._left_out} lines are missing here: they could not be written.\n".encode()
        return (b"\n" if self._is_torn else b"") + stamped(told)

    def _ready(self, size_bytes: int) -> int:
        if self._descriptor is not None and self._is_elsewhere():
            self._close()
        if self._descriptor is None:
            self._open()
        if self._size_bytes and self._size_bytes + size_bytes > MAX_FILE_BYTES:
            self._rotate()
        assert self._descriptor is not None
        return self._descriptor

    def _is_elsewhere(self) -> bool:
        if time.monotonic() - self._looked_at < LOOK_AFTER.total_seconds():
            return False
        self._looked_at = time.monotonic()
        assert self._descriptor is not None
        ours = os.fstat(self._descriptor)
        with acting_as(self._owner):
            try:
                there = self._path.lstat()
            except FileNotFoundError:
                return True
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _open(self) -> None:
        with acting_as(self._owner):
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            self._descriptor = os.open(self._path, flags, 0o600)
        self._size_bytes = os.fstat(self._descriptor).st_size
        self._looked_at = time.monotonic()

    def _rotate(self) -> None:
        self._close()
        with acting_as(self._owner):
            for number in range(OLD_FILES, 0, -1):
                older = self._path.with_name(f"{self._path.name}.{number}")
                newer = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
                with suppress(FileNotFoundError):
                    newer.replace(older)
        self._open()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
