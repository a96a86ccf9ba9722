"""Reads the process table: the parents and command lines of processes."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_PS = "/bin/ps"


@dataclass(frozen=True)
class Found:
    """A process that lives. Zombies don't."""

    pid: int
    parent: int
    command: str
    """Its words, with blanks between them."""


def look_at(pid: int) -> Found | None:
    """The process of this id; None if there is none that lives."""
    if (_PROC / "self/stat").exists():
        return _read_proc(pid)
    return next(iter(_ask_ps("-p", str(pid))), None)


def all_processes() -> Iterator[Found]:
    """All processes that live and that this user may see."""
    if not (_PROC / "self/stat").exists():
        yield from _ask_ps("-A")
        return
    for place in _PROC.iterdir():
        if place.name.isdigit():
            with suppress(PermissionError):
                found = _read_proc(int(place.name))
                if found is not None:
                    yield found


def _read_proc(pid: int) -> Found | None:
    place = _PROC / str(pid)
    try:
        # The name in the middle is in brackets and may hold anything.
        state, parent = (place / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
        command = os.fsdecode((place / "cmdline").read_bytes().replace(b"\0", b" "))
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state == "Z" else Found(pid, int(parent), command.rstrip())


def _ask_ps(*which: str) -> Iterator[Found]:
    done = subprocess.run([_PS, "-ww", "-o", "pid=,ppid=,state=,command=", *which], capture_output=True, check=False)
    for line in done.stdout.decode(errors="replace").splitlines():
        pid, parent, state, *words = line.split(None, 3)
        if not state.startswith("Z"):
            yield Found(int(pid), int(parent), words[0] if words else "")
