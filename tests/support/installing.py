"""Programs that tests need beside Python's packages: found, or installed once by whichever test process comes first."""

import fcntl
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

INSTALL_SECONDS = 200.0
"""For all that is tried together: a test may take 240 s, and should say itself why there is no program."""

Command = tuple[str, ...]
Commands = tuple[Command, ...]
"""They are run in order; what follows one that fails is not."""

_APT_GET = ("apt-get", "-o", "Dpkg::Use-Pty=0", "-o", "APT::Install-Recommends=false")


class NotInstalledError(Exception):
    """Nothing that was tried installed it; the message says how each attempt failed."""


def debians_package(name: str) -> Commands:
    return ((*_APT_GET, "update"), (*_APT_GET, "install", "-y", name))


def find_or_install(name: str, find: Callable[[], Path | None], installers: Sequence[Commands]) -> Path:
    """What `find` finds, if need be after an installer has worked. `name`: who installs the same takes turns.

    Raises:
        NotInstalledError: none has.
    """
    if path := find():
        return path
    with _lock(name) as is_first:
        if is_first:
            attempts = [] if find() else _install(find, installers)
        else:
            # What failed there would fail here, after as long a time.
            attempts = ["another test process tried to install one"]
        if path := find():
            return path
    raise NotInstalledError("; ".join(attempts) or "nothing was tried")


@contextmanager
def _lock(name: str) -> Iterator[bool]:
    """Whether no other process held the lock when we came."""
    with (Path(tempfile.gettempdir()) / f"slipbin-{name}-{os.geteuid()}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield False
        else:
            yield True


def _install(find: Callable[[], Path | None], installers: Sequence[Commands]) -> list[str]:
    """Try one installer after the other until there is a program; return what went wrong."""
    attempts: list[str] = []
    # Debian's packages are installed by one process at a time, whatever they are.
    with _lock("installing"):
        deadline = time.monotonic() + INSTALL_SECONDS
        for commands in installers:
            for command in commands:
                if trouble := _run(command, deadline - time.monotonic()):
                    attempts.append(trouble)
                    break
            if find():
                break
    return attempts


def _run(command: Command, seconds: float) -> str | None:
    """What went wrong in at most so many seconds, None if nothing did."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=max(seconds, 0),
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{' '.join(command)} failed: {error}"
    if done.returncode == 0:
        return None
    last_line = done.stdout.strip().rpartition("\n")[2]
    return f"{' '.join(command)} failed: {last_line or f'exit code {done.returncode}'}"
