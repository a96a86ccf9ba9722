"""The files DATA/run/NAME.pid: the process id of a running program, and how it is asked to stop."""

import signal
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from launcher.data.folder import DataFolder
from launcher.run_user import acting_as


@dataclass(frozen=True, kw_only=True)
class RunningProgram:
    """What a pid file says."""

    pid: int
    number: signal.Signals
    """The signal that asks it to stop."""
    grace: timedelta
    """How long it may take to stop."""


class PidFile:
    """The file of one program. `number`, `grace`: as of `RunningProgram`."""

    def __init__(self, data: DataFolder, name: str, *, number: signal.Signals, grace: timedelta) -> None:
        self._data = data
        self._path = data.run / f"{name}.pid"
        self._number = number
        self._grace = grace

    def write(self, pid: int) -> None:
        """Note a process. Errors are ignored: a full disk must not keep the program down."""
        with acting_as(self._data.owner), suppress(OSError):
            self._path.write_text(f"{pid}\n{int(self._number)} {self._grace.total_seconds():g}\n")


def read_running(data: DataFolder) -> dict[str, RunningProgram]:
    """The programs that have a pid file, by name; each may have ended since."""
    found = {}
    with acting_as(data.owner):
        for path in sorted(data.run.glob("*.pid")):
            with suppress(OSError, ValueError):
                pid, how, *_ = path.read_text().splitlines()
                number, grace = how.split()
                found[path.stem] = RunningProgram(
                    pid=int(pid), number=signal.Signals(int(number)), grace=timedelta(seconds=float(grace))
                )
    return found


def read_pid(path: Path) -> int | None:
    """The process id in the first line of any pid file; None if there is none."""
    try:
        pid = int(path.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if pid > 1 else None
