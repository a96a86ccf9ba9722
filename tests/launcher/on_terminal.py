"""A program on a terminal of its own, as someone sees it who started it there."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence

from tests.launcher.launched import PATIENCE_SECONDS, REPOSITORY
from tests.support.waiting import eventually

_STYLE = re.compile(r"\033\[\d*m")


class OnTerminal:
    """The program runs in a session of its own, whose terminal is read all the time."""

    def __init__(self, command: Sequence[str], *, columns: int = 120, environment: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        style = {"TERM": "xterm", "LC_ALL": "C.UTF-8", "NO_COLOR": ""}
        self.popen = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, **style, **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)
        self._seen = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "OnTerminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        self._reader.join(PATIENCE_SECONDS)
        os.close(self._ours)

    @property
    def styled(self) -> str:
        """All that was shown, as it was sent."""
        return bytes(self._seen).decode(errors="replace").replace("\r\n", "\n")

    @property
    def shown(self) -> str:
        """All that was shown, without bold print."""
        return _STYLE.sub("", self.styled)

    def wait_for(self, text: str) -> None:
        def is_shown() -> bool:
            # In this order: it may show it and end between two looks.
            has_ended = self.popen.poll() is not None
            if has_ended:
                # What it has shown may not have been read yet.
                self._reader.join(PATIENCE_SECONDS)
            if text in self.shown:
                return True
            assert not has_ended, f"it ended ({self.popen.returncode}) before {text!r}:\n{self.shown}"
            return False

        eventually(is_shown, f"{text!r} on the terminal")

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def _read(self) -> None:
        try:
            while data := os.read(self._ours, 65536):
                self._seen += data
        except OSError:
            # The last process of the terminal has ended.
            pass


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
