"""Finds engines that an earlier launcher left running, by process id and command line, and stops them."""

import asyncio
import os
import signal
import subprocess
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from launcher.data_folder import DataFolder
from launcher.run_user import acting_as

POLL = timedelta(milliseconds=20)


def write_pid_file(data: DataFolder, path: Path, pid: int) -> None:
    """Note a running engine for the next launcher. Errors are ignored: a full disk must not keep the engine down."""
    with acting_as(data.owner), suppress(OSError):
        path.write_text(f"{pid}\n")


async def stop_leftover(pid_file: Path, *, folder: Path, number: signal.Signals, grace: timedelta) -> int | None:
    """Stop the process of the file if it is alive and works in `folder`; kill it after its grace.

    Returns its id; None if there is no such process.
    """
    pid = _read_pid(pid_file)
    if pid is None or not _works_in(pid, folder):
        return None
    _send(pid, number)
    deadline = time.monotonic() + grace.total_seconds()
    while _works_in(pid, folder):
        if time.monotonic() > deadline:
            _send(pid, signal.SIGKILL)
        await asyncio.sleep(POLL.total_seconds())
    return pid


def _read_pid(path: Path) -> int | None:
    try:
        pid = int(path.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if pid > 1 else None


def _works_in(pid: int, folder: Path) -> bool:
    """Whether the process is alive, not a zombie, and has the folder as an argument."""
    state, command = _look_at(pid)
    return state not in ("", "Z") and f" {folder} " in f" {command} "


def _look_at(pid: int) -> tuple[str, str]:
    """The state letter and the command line of a process; empty if there is none."""
    place = Path("/proc") / str(pid)
    if not Path("/proc/self/stat").exists():
        found = subprocess.run(
            ["/bin/ps", "-ww", "-o", "state=,command=", "-p", str(pid)], capture_output=True, check=False
        )
        state, _, command = found.stdout.decode(errors="replace").strip().partition(" ")
        return state[:1], command
    try:
        # The name in the middle is in brackets and may hold anything.
        state = (place / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
        command = os.fsdecode((place / "cmdline").read_bytes().replace(b"\0", b" "))
    except (FileNotFoundError, ProcessLookupError):
        return "", ""
    return state, command


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
