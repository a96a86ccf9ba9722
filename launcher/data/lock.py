"""The lock of a data folder, which also tells where its launcher is found."""

import errno
import fcntl
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from launcher.data.folder import DataFolder
from launcher.errors import StartError, option
from launcher.run_user import acting_as


@dataclass(frozen=True)
class Holder:
    """What a launcher tells of itself in its lock."""

    pid: int
    address: str
    """Its URL, or another word for what it runs."""
    settings: Mapping[str, str]
    """The settings of its services that only it knows."""


class Lock:
    """Makes sure that a data folder has one launcher. Held while it runs; the kernel releases it at its end."""

    def __init__(self, data: DataFolder, *, address: str) -> None:
        """Take the lock.

        address: what a second launcher is told about this one.

        Raises:
            StartError: another launcher holds it.
        """
        with acting_as(data.owner):
            self._descriptor = os.open(data.path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise StartError(f"The data folder {data.path} cannot be locked: {error.strerror}.") from error
            pid, _, other = _read_when_written(self._descriptor).partition("\n")[0].partition(" ")
            raise StartError(
                f"The data folder {data.path} is in use by process {pid} ({other}):"
                f" stop that one first, or choose another folder with {option('data')}."
            ) from error
        self.describe(address)

    def release(self) -> None:
        """Let the next launcher in; the end of the process does the same."""
        os.close(self._descriptor)

    def describe(self, address: str, settings: Mapping[str, str] | None = None) -> None:
        """Write the holder's process id, `address` and `settings` into the lock file."""
        lines = [f"{os.getpid()} {address}", *(f"{name}={value}" for name, value in (settings or {}).items()), ""]
        text = "\n".join(lines).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


def find_holder(data: DataFolder) -> Holder | None:
    """The launcher that holds the lock; None if there is none."""
    try:
        with acting_as(data.owner):
            descriptor = os.open(data.path / "lock", os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        first, *settings = _read_when_written(descriptor).splitlines()
        pid, _, address = first.partition(" ")
        pairs = (line.partition("=") for line in settings)
        return Holder(int(pid) if pid.isdigit() else 0, address, {name: value for name, _, value in pairs})
    finally:
        os.close(descriptor)
    return None


def _read_when_written(descriptor: int) -> str:
    # The holder writes its address just after taking the lock.
    for _ in range(100):
        text = os.pread(descriptor, 1000, 0).decode(errors="replace").strip()
        if text:
            return text
        time.sleep(0.01)
    return "unknown unknown address"
