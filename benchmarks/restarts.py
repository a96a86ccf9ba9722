"""Whether visitors notice that web processes are replaced: two on one socket, one after the other, under full load."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import Answers, loading
from benchmarks.machine import Machine
from benchmarks.page import Section, counts_text, table
from benchmarks.upkeep import count_visits, keep_up
from benchmarks.web_service import web_service
from benchmarks.work import Work

PROCESSES = 2
QUIET_SECONDS = 3
MARGIN_SECONDS = 0.5
"""Under load before the first and after the last is replaced."""


@dataclass(frozen=True, kw_only=True)
class Restart:
    before: Answers
    """While no process is replaced."""
    during: Answers
    recorded: int
    """Visits, while they are replaced."""
    ending_seconds: list[float]
    """How long each took from SIGTERM to its end."""


def measure_restart(machine: Machine, work: Work, folder: Path, settings: Mapping[str, str]) -> Restart:
    """Each gets a successor, which answers, then SIGTERM.

    Raises:
        BenchmarkError: a process does not start, or does not end with 0, or wrk fails.
    """
    keep_up(settings)
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(web_service(folder, settings=settings, core=machine.core))
        old = [stack.enter_context(service.process(f"old-{number}")) for number in range(PROCESSES)]
        with loading(machine, work, service.url, seconds=QUIET_SECONDS) as load:
            before = load.wait()
        keep_up(settings)
        ending_seconds = []
        with loading(machine, work, service.url) as load:
            time.sleep(MARGIN_SECONDS)
            for child in old:
                stack.enter_context(service.process(child.name.replace("old", "new")))
                told_at = time.monotonic()
                child.end()
                ending_seconds.append(time.monotonic() - told_at)
            time.sleep(MARGIN_SECONDS)
            during = load.stop()
        return Restart(before=before, during=during, recorded=count_visits(settings), ending_seconds=ending_seconds)


def restart_section(restart: Restart) -> Section:
    header = ["", "answered", "failed", "p99 ms", "longest pause, ms"]
    rows = [
        [
            name,
            f"{answers.requests:,}",
            counts_text(answers.failures) or "0",
            f"{answers.p99_ms:.1f}",
            f"{answers.longest_ms:,.0f}",
        ]
        for name, answers in (("no process is replaced", restart.before), ("both are replaced", restart.during))
    ]
    endings = " and ".join(f"{seconds:.1f} s" for seconds in restart.ending_seconds)
    lines = [
        *table(header, rows),
        "",
        f"{restart.recorded:,} visits were recorded while both were replaced. From SIGTERM to its end: {endings}.",
    ]
    return Section(title="Restart under load", lines=lines)
