"""A load: wrk on its own core, and what it cost the one who answered."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.machine import Machine
from benchmarks.pinning import pinned
from benchmarks.processes import Child
from benchmarks.work import Work

CONNECTIONS = 64
LONGEST_SECONDS = 300
"""How long a load lasts at most if it is not stopped before."""
_GRACE_SECONDS = 120
_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What wrk counted and measured in one run."""

    requests: int
    """Answers that it has read to their end."""
    seconds: float
    p50_ms: float
    p99_ms: float
    longest_ms: float
    """The time from sending a request to the end of its answer, including the time until the connection is accepted."""
    failures: Mapping[str, int]
    """Counts by kind; empty when every request was answered with a status below 400."""


@dataclass(frozen=True)
class Sample:
    """What one load of one contestant gave."""

    answers: Answers
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        return self.answers.requests / self.answers.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time per request, in microseconds."""
        return self.cpu_seconds / max(self.answers.requests, 1) * 1e6


class Load:
    """One run of wrk, which goes on meanwhile."""

    def __init__(self, process: subprocess.Popen[str], url: str, *, seconds: int) -> None:
        self._process = process
        self._url = url
        self._seconds = seconds

    def wait(self) -> Answers:
        """Wait until the run ends, and return its answers.

        Raises:
            BenchmarkError: wrk fails.
        """
        try:
            output, errors = self._process.communicate(timeout=self._seconds + _GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"wrk hangs on {self._url}, or the machine is far too busy.") from None
        results = [line for line in output.splitlines() if line.startswith("{")]
        if self._process.returncode != 0 or len(results) != 1:
            raise BenchmarkError(f"wrk failed on {self._url}: {errors.strip() or output.strip()}")
        result = json.loads(results[0])
        return Answers(
            requests=result["requests"],
            seconds=result["duration_us"] / 1e6,
            p50_ms=result["p50_us"] / 1e3,
            p99_ms=result["p99_us"] / 1e3,
            longest_ms=result["longest_us"] / 1e3,
            failures={kind: count for kind, count in result["failures"].items() if count},
        )

    def stop(self) -> Answers:
        """Now, and not at its end."""
        self._process.send_signal(signal.SIGINT)
        return self.wait()


@contextlib.contextmanager
def loading(
    machine: Machine, work: Work, url: str, *, connections: int = CONNECTIONS, seconds: int = LONGEST_SECONDS
) -> Iterator[Load]:
    """wrk sends requests for so many seconds, unless it is stopped."""
    headers = [part for name, value in work.headers.items() for part in ("-H", f"{name}: {value}")]
    command: Sequence[str] = [
        *(machine.wrk, "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"),
        # Past this an answer would be a failure, and not the longest.
        *("--timeout", "10s"),
        *("--script", str(_SCRIPT), *headers, url, "--"),
        *(work.method, work.path, str(work.lines), str(work.visitors)),
    ]
    with subprocess.Popen(
        pinned(command, core=machine.load_core), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Load(process, url, seconds=seconds)
        finally:
            process.kill()


def measure(machine: Machine, work: Work, *, url: str, child: Child, connections: int, seconds: int) -> Sample:
    """Load `url` for that long.

    Raises:
        BenchmarkError: wrk fails, or who is measured ends or answers nothing.
    """
    before = child.cpu_seconds()
    with loading(machine, work, url, connections=connections, seconds=seconds) as load:
        answers = load.wait()
    if answers.requests == 0:
        raise BenchmarkError(f"{child.name} answered nothing in {seconds} s")
    return Sample(answers, child.cpu_seconds() - before)
