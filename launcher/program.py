"""What must be known about a program to run it."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from launcher.run_user import RunUser


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command with its surroundings and the manner of its end."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    user: RunUser | None
    """None: the launcher's own user."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace: timedelta = timedelta(seconds=10)
    """After this long its whole process group is killed."""
    orphan_signal: signal.Signals | None = signal.SIGKILL
    """What it is sent when the launcher itself was killed; None: nothing."""
    inherited: tuple[int, ...] = ()
    """Descriptors it keeps open, under the same numbers."""
    stdin: int | None = None
    """None: an empty input."""
    before_start: Callable[[], None] | None = None
    after_start: Callable[[int], None] | None = None
    """Is told the process id."""
    is_shown: Callable[[bytes], bool] | None = None
    """Which lines of its output are passed on; None: all."""
