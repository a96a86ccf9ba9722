"""Whether visits are lost when a web process dies under full load: answered redirects against visits recorded."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load import loading
from benchmarks.machine import Machine
from benchmarks.page import Goal, Section, table
from benchmarks.upkeep import count_visits, keep_up
from benchmarks.web_service import web_service
from benchmarks.work import Work

KILLS = 10
SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 1.5


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One death of a process."""

    answered: int
    """302s that wrk has read to their end."""
    recorded: int
    """Visits in the stream."""

    @property
    def surplus(self) -> int:
        return max(self.recorded - self.answered, 0)

    @property
    def lost(self) -> int:
        return max(self.answered - self.recorded, 0)


def measure_kills(machine: Machine, work: Work, folder: Path, settings: Mapping[str, str]) -> list[Kill]:
    """`kill -9` of a web process that answers `work`, each time a new one.

    Raises:
        BenchmarkError: it does not start, or wrk fails.
    """
    drawn = random.Random()
    kills = []
    for _ in range(KILLS):
        keep_up(settings)
        # A socket of its own: what still waits on it when wrk is gone must not meet the next process.
        with (
            web_service(folder, settings=settings, core=machine.core) as service,
            service.process("killed") as child,
            loading(machine, work, service.url) as load,
        ):
            time.sleep(drawn.uniform(SHORTEST_SECONDS, LONGEST_SECONDS))
            child.kill()
            answers = load.stop()
        refused = answers.failures.get("answers with status 400 or more", 0)
        kills.append(Kill(answered=answers.requests - refused, recorded=count_visits(settings)))
    return kills


def kills_section(kills: list[Kill]) -> Section:
    lost, answered = sum(kill.lost for kill in kills), sum(kill.answered for kill in kills)
    figures = [(str(number), it.answered, it.recorded, it.surplus, it.lost) for number, it in enumerate(kills, 1)]
    recorded, surplus = sum(kill.recorded for kill in kills), sum(kill.surplus for kill in kills)
    rows = [
        [name, *(f"{figure:,}" for figure in own)]
        for name, *own in [*figures, ("all", answered, recorded, surplus, lost)]
    ]
    goal = Goal(
        work=f"visits lost by `kill -9` of a web process under full load, {KILLS} times, of {answered:,} answered",
        figure=lost,
        bound=0,
        is_most=True,
        form="{:,.0f}",
        is_valid=all(kill.answered for kill in kills),
    )
    return Section(
        title="`kill -9` under full load",
        lines=table(["kill", "302s answered", "visits recorded", "recorded, not answered", "lost"], rows),
        goals=[goal],
        invalid=[f"Kill {number} answered no request." for number, kill in enumerate(kills, 1) if not kill.answered],
    )
