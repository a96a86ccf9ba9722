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

from benchmarks.errors import BenchmarkError
from benchmarks.pinning import REPOSITORY, full, pinned

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
LOG_TAIL_BYTES = 3000


class Child:
    """A running process with its descendants. `log` takes what it prints to standard error."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.log = log
        self.pid = process.pid
        self._process = process

    def cpu_seconds(self) -> float:
        """User and system time so far, of the process and its living descendants.

        Raises:
            BenchmarkError: the process has ended; the message has the end of its log.
        """
        if self._process.poll() is not None:
            raise BenchmarkError(f"{self.name} ended while it was measured:\n{log_tail(self.log)}")
        root = psutil.Process(self.pid)
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

    def kill(self) -> None:
        """`kill -9`, as an operator or the system does it: this process only. Returns when it is gone."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Ask it to end, and wait for that.

        Raises:
            BenchmarkError: it does not end, or not with 0.
        """
        self._process.terminate()
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"{self.name} did not stop within {STOP_SECONDS:g} s") from None
        if status != 0:
            raise BenchmarkError(f"{self.name} ended with {status}:\n{log_tail(self.log)}")

    def stop(self) -> None:
        """Like `end`, but whatever happens it is gone afterwards, with its descendants."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"{self.name} did not stop within {STOP_SECONDS:g} s and is killed", file=sys.stderr)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def running(
    name: str,
    command: Sequence[str],
    *,
    core: int,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    inherited: Sequence[int] = (),
) -> Iterator[Child]:
    """A started process; it is stopped at the end. Its outputs go to `folder`/NAME.out and `folder`/NAME.log.

    `inherited`: file descriptors that it gets from us.
    """
    log = folder / f"{name}.log"
    with (folder / f"{name}.out").open("wb") as output, log.open("wb") as errors:
        process = subprocess.Popen(
            pinned(command, core=core),
            # The launcher stops when its standard input ends, so it stays open as long as we live.
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=errors,
            cwd=REPOSITORY,
            env=full(environment or {}),
            process_group=0,
            pass_fds=inherited,
        )
    with process:
        child = Child(name, process, log)
        try:
            yield child
        finally:
            child.stop()


def log_tail(log: Path) -> str:
    return log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
