"""Child processes, each pinned to one core, that end with this process whatever ends it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parent.parent

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
RUN_SECONDS = 120.0
LOG_TAIL_BYTES = 3000

# 1 is PR_SET_PDEATHSIG: on SIGTERM all our children stop what they have started themselves.
_PIN_AND_EXECUTE = """
import ctypes, os, signal, sys

parent, core, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(parent):
    sys.exit("the parent is gone")
os.sched_setaffinity(0, {int(core)})
os.execvp(command[0], command)
"""


class BenchmarkError(Exception):
    """The run cannot go on; the message is for the person who started it."""


class Child:
    """A running process with its descendants. `log` takes what it prints to standard error."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    def cpu_seconds(self) -> float:
        """User and system time so far, of the process and its living descendants.

        Raises:
            BenchmarkError: the process has ended; the message has the end of its log.
        """
        if self._process.poll() is not None:
            raise BenchmarkError(f"{self.name} ended while it was measured:\n{log_tail(self.log)}")
        root = psutil.Process(self._process.pid)
        times = [process.cpu_times() for process in (root, *root.children(recursive=True))]
        return float(sum(each.user + each.system for each in times))

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Polls until `is_ready`.

        Raises:
            BenchmarkError: the process has ended or is not ready in time; the message has the end of its log.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            if self._process.poll() is not None:
                raise BenchmarkError(f"{self.name} ended at its start:\n{log_tail(self.log)}")
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{self.name} is not ready after {READY_SECONDS:g} s:\n{log_tail(self.log)}")
            time.sleep(0.02)

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not stop within {STOP_SECONDS:g} s and is killed", file=sys.stderr)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    core: int,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """A started process; it is stopped at the end. Its outputs go to `folder`/NAME.out and `folder`/NAME.log."""
    log = folder / f"{name}.log"
    with (folder / f"{name}.out").open("wb") as output, log.open("wb") as errors:
        process = subprocess.Popen(
            pinned(command, core=core),
            # The launcher stops when its standard input ends, so it stays open as long as we live.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            process_group=0,
        )
    with process:
        child = Child(name, process, log)
        try:
            yield child
        finally:
            child.stop()


def pinned(command: Sequence[str], *, core: int) -> list[str]:
    """The command, changed so that it runs on this core only and gets SIGTERM when this process dies."""
    return [sys.executable, "-c", _PIN_AND_EXECUTE, str(os.getpid()), str(core), *command]


def run_python(arguments: Sequence[str], environment: Mapping[str, str], *, core: int) -> str:
    """What it prints.

    Raises:
        BenchmarkError: it fails; the message has the end of what it says.
    """
    command = pinned([sys.executable, *arguments], core=core)
    done = subprocess.run(
        command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )
    if done.returncode != 0:
        raise BenchmarkError(f"{' '.join(arguments)} failed:\n{done.stderr[-LOG_TAIL_BYTES:]}")
    return done.stdout


def log_tail(log: Path) -> str:
    return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
