"""Files that only their owner may read: where they are, and how they are read and changed."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slipbin_client.errors import ClientError

if sys.platform != "win32":
    import fcntl


def folder(variable: str, default: str) -> Path:
    """Our folder of the XDG base directory that the variable names. `default`: below the home folder."""
    given = os.environ.get(variable, "")
    # The specification has relative paths ignored.
    base = Path(given) if given.startswith("/") else Path.home() / default
    return base / "slipbin"


def config_folder() -> Path:
    return folder("XDG_CONFIG_HOME", ".config")


def data_folder() -> Path:
    return folder("XDG_DATA_HOME", ".local/share")


class PrivateFile:
    """A JSON object in a file of mode 0600. Programs that change it at the same time take turns."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Any]:
        """The object; empty if there is no file.

        Raises:
            ClientError: the file can't be read.
        """
        try:
            value = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ClientError(f"{self.path} can't be read: {error}") from error
        if not isinstance(value, dict):
            raise ClientError(f"{self.path} can't be read: it is no JSON object")
        return value

    def change(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the object in place and replace the file by it, all at once.

        Raises:
            ClientError: the file can't be read or written.
        """
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._turn():
                value = self.read()
                change(value)
                self._replace(json.dumps(value, indent=1).encode())
        except OSError as error:
            raise ClientError(f"{self.path} can't be written: {error}") from error

    def _replace(self, data: bytes) -> None:
        # mkstemp makes it with mode 0600.
        descriptor, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if sys.platform == "win32":
            yield
            return
        lock = os.open(self.path.with_name(f".{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)
