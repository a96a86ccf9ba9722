"""PostgreSQL and Valkey in a folder of the run's own, started by the launcher."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.processes import running


@contextlib.contextmanager
def engines(folder: Path, *, core: int) -> Iterator[dict[str, str]]:
    """Settings that lead the services to running engines. `folder`: open to the unprivileged user if we are root."""
    command = [sys.executable, "-m", "launcher", "engines", "--data", str(folder / "data")]
    with running("engines", command, core=core, folder=folder) as child:
        output = folder / "engines.out"
        child.wait_until(lambda: "ready" in output.read_text().splitlines())
        lines = output.read_text().splitlines()
        yield dict(line.split("=", 1) for line in lines if line != "ready")


def database_cpu_seconds(folder: Path) -> float:
    """User and system time so far of PostgreSQL's parent, its children, and those that it had."""
    lines = (folder / "data" / "postgres" / "postmaster.pid").read_text().splitlines()
    parent = psutil.Process(int(lines[0]))
    times = [process.cpu_times() for process in (parent, *parent.children())]
    return float(sum(each.user + each.system + each.children_user + each.children_system for each in times))
