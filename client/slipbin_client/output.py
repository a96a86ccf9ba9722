"""What the client writes: results to standard output, all else to standard error; colours only on a terminal."""

import json
import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

from rich.console import Console, RenderableType
from rich.text import Text

from slipbin_client.errors import ClientError, PipeClosedError
from slipbin_client.safe_text import safe_line


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise PipeClosedError


class Output:
    """Standard output and standard error of one run. `is_quiet`: no remarks; errors are still told."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._console = _Console(highlight=False, markup=False, emoji=False)
        self._is_quiet = is_quiet
        self.messages = _Console(stderr=True, highlight=False, markup=False, emoji=False)
        """Standard error, for what changes while it is shown, such as progress bars."""
        self.is_terminal = sys.stdout.isatty()
        """Whether results are shown on a terminal, and not sent to a pipe or a file."""
        self.is_told_on_terminal = sys.stderr.isatty() and not is_quiet
        """Whether remarks are shown on a terminal."""
        self.can_ask = sys.stdin.isatty() and sys.stderr.isatty()
        """Whether the user can be asked, and can answer."""

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return self._console.width

    @property
    def has_blocks(self) -> bool:
        """Whether the terminal's encoding has the characters that charts are drawn with."""
        try:
            "▁▀█".encode(sys.stdout.encoding or "ascii")
        except UnicodeEncodeError:
            return False
        return True

    def show(self, what: RenderableType, *, end: str = "\n", soft_wrap: bool = False) -> None:
        """Print something for people, on a terminal."""
        self._console.print(what, end=end, soft_wrap=soft_wrap)

    def line(self, *cells: str) -> None:
        """Print a plain line: cells between tabs. Control characters in them are escaped, also in a pipe."""
        self._write(("\t".join(map(safe_line, cells)) + "\n").encode(sys.stdout.encoding, "backslashreplace"))

    def json(self, value: Any) -> None:
        """Print a value as JSON on one line."""
        self._write((json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass"))

    def write(self, chunks: Iterable[bytes]) -> None:
        """Write chunks as they are and as they come."""
        for chunk in chunks:
            self._write(chunk)

    def remark(self, text: str) -> None:
        """Tell something that isn't a result."""
        if not self._is_quiet:
            self.messages.print(Text(safe_line(text), style="dim"), soft_wrap=True)

    def warn(self, text: str) -> None:
        self._say("warning", "yellow", text)

    def error(self, text: str) -> None:
        self._say("error", "red", text)

    def _say(self, kind: str, colour: str, text: str) -> None:
        sentence = Text.assemble("slipbin: ", (f"{kind}: ", f"bold {colour}"), safe_line(text))
        self.messages.print(sentence, soft_wrap=True)

    def flush(self) -> None:
        """Write what is still held back.

        Raises:
            PipeClosedError: nothing reads it.
            ClientError: it can't be written, as where the disk is full.
        """
        self._write(b"")

    def _write(self, data: bytes) -> None:
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise PipeClosedError from None
        except OSError as error:
            discard_output()
            raise ClientError(f"standard output can't be written: {error.strerror or error}") from error


def discard_output() -> None:
    """Let what is still in buffers go nowhere, so that Python doesn't fail when it flushes them at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(nowhere, stream.fileno())
