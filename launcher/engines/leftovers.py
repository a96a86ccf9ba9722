"""Finds engines that an earlier launcher left running, by process id and command line, and stops them."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from launcher.data.pid_file import read_pid
from launcher.supervision.process_table import look_at

POLL = timedelta(milliseconds=20)


async def stop_leftover(pid_file: Path, *, folder: Path, number: signal.Signals, grace: timedelta) -> int | None:
    """Stop the process of the file if it is alive and works in `folder`; kill it after its grace.

    Returns its id; None if there is no such process.
    """
    pid = read_pid(pid_file)
    if pid is None or not _works_in(pid, folder):
        return None
    _send(pid, number)
    deadline = time.monotonic() + grace.total_seconds()
    while _works_in(pid, folder):
        if time.monotonic() > deadline:
            _send(pid, signal.SIGKILL)
        await asyncio.sleep(POLL.total_seconds())
    return pid


def _works_in(pid: int, folder: Path) -> bool:
    """Whether the process is alive, not a zombie, and has the folder as an argument."""
    found = look_at(pid)
    return found is not None and f" {folder} " in f" {found.command} "


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
