"""Shows the log files of a data folder and follows them: the command `logs`."""

import os
import re
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from launcher.data.folder import DataFolder, open_data_folder
from launcher.errors import StartError, option
from launcher.run_user import acting_as, find_run_user

POLL = timedelta(milliseconds=250)
TAIL_BYTES = 256 * 1024
_TIME = re.compile(rb"(?:\{.*?\"(?:time|timestamp|at)\": ?\")?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*)")


def follow_logs(path: Path, names: Sequence[str], *, lines: int, is_followed: bool) -> None:
    """Print the last lines of each program, in the order of their times, then those that come.

    names: the programs; empty: all.

    Raises:
        StartError: there are no such files.
    """
    if not path.is_dir():
        raise StartError(f"There is no data folder {path}: name that of `make run` with {option('data')}.")
    data = open_data_folder(path, find_run_user(os.environ))
    with acting_as(data.owner):
        found = _find(data, names)
        files = {name: _Reader(data.logs / f"{name}.log") for name in found}
        width = max(len(name) for name in found)
        begun = [(at, name, line) for name, file in files.items() for at, line in file.last(lines)]
        for _, name, line in sorted(begun, key=lambda each: each[0]):
            _print(name, width, line)
        while is_followed:
            sys.stdout.flush()
            time.sleep(POLL.total_seconds())
            for name in _find(data, names):
                width = max(width, len(name))
                reader = files.setdefault(name, _Reader(data.logs / f"{name}.log"))
                for line in reader.new():
                    _print(name, width, line)
        sys.stdout.flush()


def _find(data: DataFolder, names: Sequence[str]) -> list[str]:
    there = sorted(file.stem for file in data.logs.glob("*.log")) if data.logs.is_dir() else []
    if not there:
        raise StartError(
            f"There are no logs in {data.logs}: `make run` writes them while it runs on a terminal."
            " Elsewhere everything goes to its standard output."
        )
    if unknown := set(names) - set(there):
        raise StartError(f"There is no log of {', '.join(sorted(unknown))}. There are: {', '.join(there)}.")
    return [name for name in there if not names or name in names]


def _print(name: str, width: int, line: bytes) -> None:
    # Programs can be made to log what others sent them: no control sequence of theirs may reach the terminal.
    text = line.decode(errors="replace")
    shown = "".join(sign if sign.isprintable() or sign == "\t" else "\N{REPLACEMENT CHARACTER}" for sign in text)
    print(f"{name:<{width}} | {shown}")


class _Reader:
    """One log file, read on when it grows, and from its start when it is another file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._offset = 0
        self._begun = b""

    def last(self, count: int) -> list[tuple[bytes, bytes]]:
        """The last lines, each with a time for sorting; reading goes on after them."""
        data = self._read(tail=True)
        *lines, self._begun = data.split(b"\n")
        at, timed = b"", []
        for line in lines:
            found = _TIME.match(line)
            at = found[1] if found else at
            timed.append((at, line))
        return timed[-count:] if count else []

    def new(self) -> list[bytes]:
        """The lines that have been added."""
        *lines, self._begun = (self._begun + self._read()).split(b"\n")
        return lines

    def _read(self, *, tail: bool = False) -> bytes:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            # It is just being renamed.
            return b""
        try:
            status = os.fstat(descriptor)
            is_other = status.st_ino != self._inode or status.st_size < self._offset
            if is_other:
                rest = b"" if tail else self._rest_of_old()
                self._inode = status.st_ino
                self._offset = max(0, status.st_size - TAIL_BYTES) if tail else 0
            else:
                rest = b""
            added = os.pread(descriptor, status.st_size - self._offset, self._offset)
            self._offset += len(added)
            return rest + added
        finally:
            os.close(descriptor)

    def _rest_of_old(self) -> bytes:
        """What was added to the file before it was renamed."""
        old = self._path.with_name(f"{self._path.name}.1")
        try:
            with old.open("rb") as file:
                if os.fstat(file.fileno()).st_ino != self._inode:
                    return b""
                file.seek(self._offset)
                return file.read()
        except OSError:
            return b""
