"""Writes lines of many processes to one descriptor: whole lines, without blocking, in bounded memory."""

import asyncio
import os
import select
import stat
import time
from collections.abc import Callable
from datetime import timedelta

from launcher.logs.stamps import stamped

MAX_WAITING_BYTES = 1024 * 1024
MAX_LINE_BYTES = 8192
READ_BYTES = 64 * 1024
LAST_WORDS_BYTES = 1024 * 1024
RETRY_AFTER = timedelta(milliseconds=50)


class Output:
    """Writes lines to a descriptor that may be slow, stuck or closed.

    The descriptor stays in blocking mode, because others share it (the shell, make); so a write happens only
    when it is writable, and is no longer than what a writable pipe takes at once.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_plain_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._waiting = bytearray()
        self._is_closed = False
        self._is_retrying = False
        self._left_out = 0

    def say(self, text: str) -> None:
        """Write a line of the launcher's own, with the time."""
        self.pass_on("launcher", stamped(text.encode(errors="replace")))

    def print(self, text: str) -> None:
        """Write a line without a prefix, which is never dropped."""
        self._waiting += text.encode(errors="replace") + b"\n"
        self._write()

    def progress(self, text: str) -> None:
        """Show how far the start is. Does nothing here: a log has the lines of the programs."""

    def note_start(self, name: str, pid: int) -> None:
        """Note that a process of a program has started. Does nothing here."""

    def show_last_lines(self, name: str) -> None:
        """Show the last lines of a program that ended. Does nothing here: they have been shown."""

    def pass_on(self, name: str, line: bytes, *, is_shown: bool = True) -> None:
        """Write a line of a child, given without its newline; dropped and counted while too many bytes wait.

        is_shown: whether the line is worth showing where all programs are shown.
        """
        if not is_shown:
            return
        if len(self._waiting) > MAX_WAITING_BYTES:
            self._left_out += 1
            return
        self._waiting += name.encode() + b" | " + line + b"\n"
        self._write()

    def drain(self, limit: timedelta) -> None:
        """Wait until everything is written, at most for `limit`."""
        deadline = time.monotonic() + limit.total_seconds()
        while self._waiting and not self._is_closed and time.monotonic() < deadline:
            self._write_what_fits()
            time.sleep(0.01)

    def _write(self) -> None:
        self._write_what_fits()
        if self._waiting and not self._is_retrying:
            self._is_retrying = True
            asyncio.get_running_loop().call_later(RETRY_AFTER.total_seconds(), self._retry)

    def _retry(self) -> None:
        self._is_retrying = False
        self._write()

    def _write_what_fits(self) -> None:
        try:
            while self._waiting and self._is_writable():
                written = os.write(self._descriptor, self._waiting[: select.PIPE_BUF])
                del self._waiting[:written]
                self._admit_gap()
        except BlockingIOError:
            return
        except OSError:
            # The reader has gone. The service goes on without it.
            self._is_closed = True
        if self._is_closed:
            self._waiting.clear()

    def _admit_gap(self) -> None:
        if self._left_out and len(self._waiting) <= MAX_WAITING_BYTES:
            told = stamped(f"{self._left_out} lines were left out, as nothing read them.".encode())
            self._waiting += b"launcher | " + told + b"\n"
            self._left_out = 0

    def _is_writable(self) -> bool:
        return self._is_plain_file or bool(select.select([], [self._descriptor], [], 0)[1])


class ChildLines:
    """Passes on the lines of a child's output pipe as they come."""

    def __init__(self, descriptor: int, *, name: str, output: Output, is_shown: Callable[[bytes], bool] | None) -> None:
        self._descriptor = descriptor
        self._name = name
        self._output = output
        self._is_shown = is_shown
        self._begun = b""
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self._read)
        self._is_open = True

    def close(self) -> None:
        """Pass on what the ended child has left, at most LAST_WORDS_BYTES, and close the pipe."""
        taken = 0
        while self._is_open and taken < LAST_WORDS_BYTES:
            count = self._read()
            if not count:
                break
            taken += count
        self._end()

    def _read(self) -> int:
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            self._end()
            return 0
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._pass_on(line)
        if len(self._begun) > MAX_LINE_BYTES:
            self._pass_on(self._begun)
            self._begun = b""
        return len(data)

    def _pass_on(self, line: bytes) -> None:
        is_shown = self._is_shown is None or self._is_shown(line)
        for start in range(0, len(line) or 1, MAX_LINE_BYTES):
            self._output.pass_on(self._name, line[start : start + MAX_LINE_BYTES], is_shown=is_shown)

    def _end(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        if self._begun:
            self._pass_on(self._begun)
