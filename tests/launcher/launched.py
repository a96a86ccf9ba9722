"""A launcher under test: started as its users start it, watched from outside by its processes and its files."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.support.waiting import eventually

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 120.0


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_of(data: Path) -> list[psutil.Process]:
    """Every living process whose command line, environment or folder names this data folder."""
    return [process for process in psutil.process_iter() if _names(process, str(data)) and is_alive(process)]


def _names(process: psutil.Process, text: str) -> bool:
    looks: list[Callable[[], object]] = [process.cmdline, process.environ, process.cwd]
    for look in looks:
        with suppress(psutil.Error, OSError):
            if text in str(look()):
                return True
    return False


def without_times(log: str) -> str:
    """A log without the times that the launcher writes before its own lines."""
    return re.sub(r"^launcher \| \d{4}-\d\d-\d\dT[\d:.]+Z ", "launcher | ", log, flags=re.MULTILINE)


class Launched:
    """One `python -m launcher COMMAND` on a data folder; its output goes to files beside that folder."""

    def __init__(
        self, command: str, data: Path, *arguments: str, logs: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.out_file = logs / f"{time.monotonic_ns()}.out"
        self.err_file = self.out_file.with_suffix(".err")
        with self.out_file.open("wb") as out, self.err_file.open("wb") as err:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "launcher", command, "--data", str(data), *arguments],
                cwd=REPOSITORY,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=err,
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def out(self) -> str:
        return self.out_file.read_text(errors="replace")

    @property
    def err(self) -> str:
        return self.err_file.read_text(errors="replace")

    @property
    def log(self) -> str:
        """All it has said, without the times of the launcher's own lines."""
        return without_times(self.out + self.err)

    def wait_for_text(self, text: str, *, count: int = 1) -> None:
        """Wait until it has said this so many times; fails at once if it has ended without."""

        def is_said() -> bool:
            # In this order: it may say so and end between two looks.
            has_ended = self.popen.poll() is not None
            if self.log.count(text) >= count:
                return True
            assert not has_ended, f"it ended ({self.popen.returncode}) before {text!r}:\n{self.log}"
            return False

        try:
            eventually(is_said, text)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log[-4000:]}") from None

    def wait_for_end(self) -> int:
        """Wait for its end; return its exit status."""
        return self.popen.wait(PATIENCE_SECONDS)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and wait for its exit status."""
        self.popen.send_signal(number)
        return self.wait_for_end()

    def kill(self) -> None:
        """Kill the launcher alone, by SIGKILL."""
        self.popen.kill()
        self.popen.wait()

    def process(self, *words: str) -> psutil.Process:
        """The launcher's only child with all these words in its command line, waited for."""

        def find() -> psutil.Process | None:
            found = [child for child in self.children() if all(word in command_of(child) for word in words)]
            return found[0] if len(found) == 1 else None

        return eventually(find, f"a child with {words}")

    def children(self) -> list[psutil.Process]:
        """The launcher's living children."""
        with suppress(psutil.NoSuchProcess):
            return [child for child in psutil.Process(self.pid).children() if is_alive(child)]
        return []

    @property
    def postgres(self) -> psutil.Process:
        return self.process("/postgres ", " -D ")

    @property
    def valkey(self) -> psutil.Process:
        return self.process("/valkey-server ")

    @property
    def watchdog(self) -> psutil.Process:
        return self.process("/watchdog.py ")

    @property
    def addresses(self) -> dict[str, str]:
        """What `engines` printed, once it is ready."""
        self.wait_for_text("ready\n")
        pairs = [line.partition("=") for line in self.out.splitlines() if "=" in line]
        return {name: value for name, _, value in pairs}


def words_of(process: psutil.Process) -> list[str]:
    """The words of its command line; none if it has ended."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []


def command_of(process: psutil.Process) -> str:
    """The words of a process's command line, each with a blank after it; empty if it has ended."""
    return "".join(f"{word} " for word in words_of(process))


def assert_nothing_left(data: Path) -> None:
    """No process of this data folder lives, or will in a moment."""
    eventually(lambda: not processes_of(data), f"the end of {[command_of(left) for left in processes_of(data)]}")


@contextmanager
def empty_folder() -> Iterator[Path]:
    """An empty folder with a path short enough for sockets."""
    folder = Path(tempfile.mkdtemp(prefix="slipbin-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


class Launchers:
    """Starts launchers on one data folder, and ends what a failed test leaves."""

    def __init__(self, data: Path, logs: Path) -> None:
        self.data = data
        self.logs = logs
        self.started: list[Launched] = []

    def start(self, command: str, *arguments: str, **environment: str) -> Launched:
        """Start one, without waiting for anything."""
        launched = Launched(command, self.data, *arguments, logs=self.logs, environment=environment)
        self.started.append(launched)
        return launched

    def engines(self) -> Launched:
        """Start the engines, and wait until they are ready."""
        launched = self.start("engines")
        launched.wait_for_text("ready\n")
        return launched


@contextmanager
def launchers(data: Path, logs: Path) -> Iterator[Launchers]:
    """Launchers on this folder, all of whose processes have ended afterwards; what lives then fails the test."""
    made = Launchers(data, logs)
    try:
        yield made
        for launched in made.started:
            if launched.popen.poll() is None:
                launched.stop()
        assert_nothing_left(data)
    finally:
        for launched in made.started:
            launched.kill()
            if launched.popen.stdin:
                launched.popen.stdin.close()
        for process in processes_of(data):
            with suppress(psutil.NoSuchProcess):
                process.kill()
