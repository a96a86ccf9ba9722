"""The description of a program that the launcher runs."""

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from launcher.run_user import RunUser


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command with its environment, and how it is stopped."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    user: RunUser | None
    """The user that it runs as; None: the launcher's own."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace: timedelta = timedelta(seconds=10)
    """How long it may take to stop, before its process group is killed."""
    orphan_signal: signal.Signals | None = signal.SIGKILL
    """The signal that it gets when the launcher is killed; None: none."""
    inherited: tuple[int, ...] = ()
    """Descriptors it keeps open, under the same numbers."""
    stdin: int | None = None
    """The descriptor of its standard input; None: an empty input."""
    before_start: Callable[[], None] | None = None
    after_start: Callable[[int], None] | None = None
    """Called with the process id after each start."""
    is_shown: Callable[[bytes], bool] | None = None
    """Which lines of its output are passed on; None: all."""
