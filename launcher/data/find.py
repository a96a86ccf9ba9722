"""Finds the data folder for a command that doesn't name one."""

import os
import sys
from pathlib import Path

from launcher.data.folder import DataFolder
from launcher.data.lock import find_holder
from launcher.errors import StartError, option
from launcher.supervision import watchdog
from launcher.supervision.process_table import all_processes


def find_data_folder(named: Path | None, *, default: Path) -> Path:
    """The folder that was named, else the default one if a launcher runs on it, else the one on which one does.

    Where no launcher runs, it is the default one.

    Raises:
        StartError: several run.
    """
    if named is not None:
        return named
    if _runs_on(default):
        return default
    running = _running_folders()
    if len(running) > 1:
        listed = ", ".join(str(path) for path in running)
        raise StartError(f"Slipbin runs on several data folders ({listed}): choose one with {option('data')}.")
    if not running:
        return default
    print(f"launcher: This is about the data folder {running[0]}, on which Slipbin runs.", file=sys.stderr, flush=True)
    return running[0]


def _runs_on(path: Path) -> bool:
    """Whether all of Slipbin runs there, not its engines alone, which tests and programs start."""
    try:
        holder = find_holder(DataFolder(path.resolve(), None)) if path.is_dir() else None
    except OSError:
        # Another user's: what opens it says so.
        return True
    return holder is not None and holder.address.startswith("http")


def _running_folders() -> list[Path]:
    """The data folders of the launchers of this code, by the watchdogs, each of which is told its folder."""
    script = os.fspath(Path(watchdog.__file__).resolve())
    commands = [found.command for found in all_processes()]
    folders = {command.partition(f" {script} ")[2] for command in commands}
    return sorted(path for path in map(Path, filter(None, folders)) if _runs_on(path))
