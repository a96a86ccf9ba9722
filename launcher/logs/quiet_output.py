"""Output on a terminal: warnings and errors only. Everything is in the log files."""

import re
from collections import deque

from launcher.logs.log_files import LogFiles
from launcher.logs.output import Output

LAST_LINES = 10
_LAST_LINE_BYTES = 1000
_LEVEL = re.compile(
    rb"(?:\d{4}-\d\d-\d\dT[0-9:.]+Z |\[[0-9:, -]+: )?(TRACE|DEBUG|INFO|NOTICE|WARNING|WARN|ERROR|CRITICAL)\b"
    rb"|\d{4}/\d\d/\d\d [0-9:]+ \[(debug|info|notice|warn|error|crit|alert|emerg)\]"
)
"""How a line begins that has a level: one of ours, of Python's logging, of Celery, of nginx."""
_JSON_LEVEL = re.compile(rb'"level": ?"(\w+)"')
_HIDDEN_LEVELS = {b"TRACE", b"DEBUG", b"INFO", b"NOTICE"}
_QUIET_PROGRAMS = {"postgres", "valkey", "initdb", "createdb", "migrate"}
"""Their lines matter only when looking for a cause. If they end, their last lines are shown anyway."""
_MARKED_PROGRAMS = {"gateway"}
"""Those whose lines without a level, as of an access log, are not worth showing."""


class QuietOutput(Output):
    """Writes each line into a log file and passes on what an operator should see."""

    def __init__(self, descriptor: int, log_files: LogFiles) -> None:
        super().__init__(descriptor)
        self._log_files = log_files
        self._is_showing: dict[str, bool] = {}
        """Whether the last event of each program was shown: lines without a level belong to it."""
        self._last: dict[str, deque[bytes]] = {}
        """The last lines of each program that were not shown."""
        self._has_told_failure = False

    def say(self, text: str) -> None:
        self._write_file("launcher", text.encode(errors="replace"))
        self._show(text)

    def pass_on(self, name: str, line: bytes, *, is_shown: bool = True) -> None:
        if name == "launcher":
            super().pass_on(name, line)
            return
        self._write_file(name, line)
        if is_shown and self._is_worth_showing(name, line):
            super().pass_on(name, line)
        else:
            self._last.setdefault(name, deque(maxlen=LAST_LINES)).append(line[:_LAST_LINE_BYTES])

    def progress(self, text: str) -> None:
        self._write_file("launcher", text.encode(errors="replace"))
        self.print(text)

    def show_last_lines(self, name: str) -> None:
        lines = self._last.pop(name, ())
        for line in lines:
            super().pass_on(name, line)
        if self._log_files.is_there(name):
            self._show(f"more of {name} is in {self._log_files.path(name)}")

    def note_start(self, name: str, pid: int) -> None:
        # So each program has a file, also one that says nothing.
        self._write_file(name, f"process {pid} starts".encode())

    def _show(self, text: str) -> None:
        """Show a line of the launcher's own; people at a terminal need no time."""
        super().pass_on("launcher", text.encode(errors="replace"))

    def _is_worth_showing(self, name: str, line: bytes) -> bool:
        if name in _QUIET_PROGRAMS:
            return False
        level = _level_of(line)
        if level is not None:
            self._is_showing[name] = level not in _HIDDEN_LEVELS
        return self._is_showing.get(name, name not in _MARKED_PROGRAMS)

    def _write_file(self, name: str, line: bytes) -> None:
        error = self._log_files.write(name, line)
        if error and not self._has_told_failure:
            self._show(f"{self._log_files.path(name)} can't be written: {error.strerror}. Slipbin goes on without it.")
        self._has_told_failure = error is not None


def _level_of(line: bytes) -> bytes | None:
    """The level in upper case of a line that begins an event; None if it does not."""
    if line.startswith(b"Traceback "):
        return b"ERROR"
    if line.startswith(b"{"):
        found = _JSON_LEVEL.search(line)
        return found[1].upper() if found else None
    found = _LEVEL.match(line)
    return (found[1] or found[2]).upper() if found else None
