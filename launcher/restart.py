"""Restarts single programs of a launcher that runs: the command `restart`."""

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from launcher.data.folder import DataFolder, open_data_folder
from launcher.data.lock import find_holder
from launcher.data.pid_file import RunningProgram, read_running
from launcher.errors import StartError, option
from launcher.run_user import find_run_user
from launcher.supervision.process_table import look_at

POLL = timedelta(milliseconds=50)
START_LIMIT = timedelta(seconds=60)
"""How long to wait for the launcher to start it again: it waits up to 30 s for what ended again and again."""


def restart(path: Path, names: Sequence[str]) -> None:
    """End each program, one after the other; the launcher starts it again. One that hangs is killed.

    Raises:
        StartError: no launcher runs on the data folder, a name is unknown, or a program may not be ended or does not
            come back.
    """
    if not path.is_dir():
        raise StartError(f"There is no data folder {path}: name that of `make run` with {option('data')}.")
    data = open_data_folder(path, find_run_user(os.environ))
    holder = find_holder(data)
    if holder is None:
        raise StartError(f"Nothing runs on the data folder {data.path}: start it with `make run`.")
    running = read_running(data)
    unknown = [name for name in names if name not in running]
    if unknown or not names:
        told = f"There is no program {', '.join(unknown)}." if unknown else "Say which programs to restart."
        raise StartError(f"{told} There are: {', '.join(running)}.")
    for name in names:
        _restart(data, name, running[name], launcher=holder.pid)


def _restart(data: DataFolder, name: str, program: RunningProgram, *, launcher: int) -> None:
    found = look_at(program.pid)
    if found is None or found.parent != launcher:
        raise StartError(f"{name} does not run at the moment. The launcher starts it; its log says why it ended.")
    how = "has ended" if _end(name, program) else f"did not stop within {program.grace.seconds} s and was killed"
    print(f"{name}: process {program.pid} {how}", flush=True)
    deadline = time.monotonic() + START_LIMIT.total_seconds()
    while time.monotonic() < deadline:
        again = read_running(data).get(name)
        if again is not None and again.pid != program.pid and look_at(again.pid) is not None:
            print(f"{name}: runs again as process {again.pid}", flush=True)
            return
        time.sleep(POLL.total_seconds())
    raise StartError(f"{name} was not started again within {START_LIMIT.seconds} s: its log says why.")


def _end(name: str, program: RunningProgram) -> bool:
    """Ask it to stop, and kill it after its grace; whether it stopped by itself."""
    try:
        os.kill(program.pid, program.number)
        # One that was stopped (SIGSTOP) takes no other signal before this one.
        os.kill(program.pid, signal.SIGCONT)
    except PermissionError as error:
        raise StartError(f"This user may not end {name}, process {program.pid}.") from error
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + program.grace.total_seconds()
    while look_at(program.pid) is not None:
        if time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            return False
        time.sleep(POLL.total_seconds())
    return True
