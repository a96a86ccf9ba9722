"""The resources that processes use, by role. prometheus-client exports them for a single process only."""

import os
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from main_service.monitoring import scraped
from main_service.monitoring.descriptors import descriptors_of
from main_service.monitoring.metrics import PROCESS_CPU
from main_service.monitoring.metrics_files import Member

_PROC = Path("/proc")
_PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


class ProcessorTime:
    """Hands over the processor time of this process."""

    def __init__(self, role: str) -> None:
        self._counter = PROCESS_CPU.labels(role)
        self._told = 0.0

    def hand_over(self) -> None:
        """Count what was used since the last call."""
        used = time.process_time()
        self._counter.inc(used - self._told)
        self._told = used


def of_processes(members: Sequence[Member]) -> scraped.ScrapedValues:
    """Number, memory, open files and start of the processes of each role; and of this build."""
    answers = scraped.ScrapedValues()
    answers.add(scraped.BUILD, 1, version(), ".".join(map(str, sys.version_info[:3])))
    roles: defaultdict[str, list[int]] = defaultdict(list)
    for member in members:
        roles[member.role].append(member.pid)
    for role, pids in roles.items():
        answers.add(scraped.PROCESSES, len(pids), role)
        memory = [each for each in map(_resident_bytes, pids) if each is not None]
        files = [each for each, _ in filter(None, map(descriptors_of, pids))]
        starts = [each for each in map(_started_at, pids) if each is not None]
        if memory and files and starts:
            answers.add(scraped.PROCESS_MEMORY, sum(memory), role)
            answers.add(scraped.PROCESS_FILES, sum(files), role)
            answers.add(scraped.PROCESS_START, max(starts), role)
    counted = list(filter(None, map(descriptors_of, roles.get("web", []))))
    if counted:
        used, allowed = max(counted, key=lambda each: each[0] / each[1])
        answers.add(scraped.DESCRIPTORS_USED, used)
        answers.add(scraped.DESCRIPTORS_ALLOWED, allowed)
    return answers


@cache
def version() -> str:
    """The version of this build."""
    number: str = tomllib.loads(_PROJECT.read_text())["project"]["version"]
    return number


def _resident_bytes(pid: int) -> int | None:
    """The resident memory of a process, in bytes; None: it is gone, or the system does not tell."""
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return None


def _started_at(pid: int) -> float | None:
    """When the process started, in seconds since 1970; None: it is gone, or the system does not tell."""
    booted_at = _booted_at()
    try:
        ticks = int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, IndexError):
        return None
    return None if booted_at is None else booted_at + ticks / os.sysconf("SC_CLK_TCK")


@cache
def _booted_at() -> float | None:
    """When the machine was booted, in seconds since 1970; None: the system does not tell.

    Read once: a clock that is set right later would make it look as if every process had started again.
    """
    try:
        lines = (_PROC / "stat").read_text().splitlines()
    except OSError:
        return None
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), None)
