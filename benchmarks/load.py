"""One measured load: wrk on its own core, and what it cost the one who answered."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import BenchmarkError, Child, pinned

CONNECTIONS = 64
_SCRIPT = Path(__file__).with_name("load.lua")


@dataclass(frozen=True, kw_only=True)
class Work:
    """Requests that wrk sends in turn, over and over."""

    method: str
    path: str
    """Of a request with a body; a GET takes its path from `lines`."""
    headers: Mapping[str, str]
    lines: Path
    """One path (GET) or one body (POST) a line."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What one load of one contestant gave."""

    requests: int
    seconds: float
    p99_ms: float
    cpu_seconds: float
    failures: Mapping[str, int]
    """Counts by kind; empty when every request was answered with a status below 400."""

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds

    @property
    def cpu_us(self) -> float:
        """Per request."""
        return self.cpu_seconds / max(self.requests, 1) * 1e6


def measure(wrk: str, work: Work, *, url: str, child: Child, seconds: int, core: int) -> Sample:
    """Load `url` for that long.

    Raises:
        BenchmarkError: wrk fails, or who is measured ends.
    """
    headers = [part for name, value in work.headers.items() for part in ("-H", f"{name}: {value}")]
    command: Sequence[str] = [
        *(wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"),
        *("--script", str(_SCRIPT), *headers, url, "--", work.method, work.path, str(work.lines)),
    ]
    before = child.cpu_seconds()
    # A minute over the duration is a guard against a wrk that hangs.
    run = subprocess.run(pinned(command, core=core), capture_output=True, text=True, timeout=seconds + 60)
    cpu_seconds = child.cpu_seconds() - before
    results = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode != 0 or len(results) != 1:
        raise BenchmarkError(f"wrk failed on {url}: {run.stderr.strip() or run.stdout.strip()}")
    result = json.loads(results[0])
    return Sample(
        requests=result["requests"],
        seconds=result["duration_us"] / 1e6,
        p99_ms=result["p99_us"] / 1e3,
        cpu_seconds=cpu_seconds,
        failures={kind: count for kind, count in result["failures"].items() if count},
    )
