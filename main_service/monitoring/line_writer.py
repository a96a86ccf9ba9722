"""Writes lines to standard error in batches, without ever waiting for their reader."""

import asyncio
import os
import select
import stat
from collections.abc import Callable

MAX_WAITING_BYTES = 1024 * 1024
"""Lines beyond it are left out while nothing is read."""
RETRY_SECONDS = 0.05


class LineWriter:
    """Gathers lines and writes them at the end of the event loop's iteration, such as after a batch of the fast path.

    Several processes write to one pipe. So each write is whole lines, and no more than a pipe takes atomically, which
    is also no more than a writable pipe takes without blocking.
    """

    def __init__(self, descriptor: int, *, left_out: Callable[[int], bytes]) -> None:
        """`left_out`: makes the line that says how many lines are missing."""
        self._descriptor = descriptor
        self._left_out_line = left_out
        self._piece_bytes = 1 << 20 if stat.S_ISREG(os.fstat(descriptor).st_mode) else select.PIPE_BUF
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._lines: list[bytes] = []
        self._waiting = b""
        self._left_out = 0
        self._is_due = False

    def add(self, line: bytes) -> None:
        """Write a line, which ends with a newline, in a moment. Call it in the event loop."""
        self._lines.append(line)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        if len(self._waiting) > MAX_WAITING_BYTES:
            self._left_out += len(self._lines)
        else:
            self._waiting += b"".join(self._lines)
        self._lines = []
        self._waiting = self._rest_after_writing(self._waiting)
        if not self._waiting and self._left_out:
            self._waiting, self._left_out = self._left_out_line(self._left_out), 0
        self._is_due = bool(self._waiting)
        if self._is_due:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._write)

    def _rest_after_writing(self, data: bytes) -> bytes:
        begin = 0
        try:
            while begin < len(data) and self._poll.poll(0):
                end = begin + self._piece_bytes
                if end < len(data):
                    end = data.rfind(b"\n", begin, end) + 1 or end
                begin += os.write(self._descriptor, data[begin:end])
        except BlockingIOError:
            # Another program that shares it has made it non-blocking.
            pass
        except OSError:
            # The reader has gone. The service goes on without it.
            return b""
        return data[begin:]
