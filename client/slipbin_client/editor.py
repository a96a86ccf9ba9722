"""Opens a text in the user's editor, in a file that only the user may read."""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from slipbin_client.errors import ClientError

_EDITORS = ("sensible-editor", "editor", "nano", "vi", "notepad")


class Draft:
    """A text in a temporary file. It stays, so that nothing is lost, until `discard`."""

    def __init__(self, text: bytes, name: str) -> None:
        # mkdtemp makes it with mode 0700.
        self.path = Path(tempfile.mkdtemp(prefix="slipbin-")) / name
        self.path.write_bytes(text)

    def edit(self) -> bytes:
        """Open the editor and wait until it ends; return what the file holds then.

        Raises:
            ClientError: there is no editor, or it failed.
        """
        command = [*_editor(), str(self.path)]
        try:
            code = subprocess.run(command).returncode
        except OSError as error:
            raise ClientError(f"The editor {command[0]} can't be started: {error.strerror}") from error
        if code != 0:
            raise ClientError(f"The editor {command[0]} ended with {code}, so nothing was changed.")
        return self.path.read_bytes()

    def is_still(self, text: bytes) -> bool:
        """Whether the file holds this text."""
        try:
            return self.path.read_bytes() == text
        except OSError:
            return False

    def discard(self) -> None:
        shutil.rmtree(self.path.parent, ignore_errors=True)


def _editor() -> list[str]:
    """The user's editor with its arguments: of $VISUAL, else of $EDITOR, else one that is there."""
    for variable in ("VISUAL", "EDITOR"):
        if given := os.environ.get(variable, "").strip():
            return shlex.split(given)
    for name in _EDITORS:
        if found := shutil.which(name):
            return [found]
    raise ClientError("There is no editor. Name yours: EDITOR=vim slipbin edit …")
