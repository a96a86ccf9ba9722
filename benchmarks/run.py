"""A whole run, from empty folders to the sections of its page."""

import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.edits import edits_section, measure_edits
from benchmarks.engines import engine_versions, engines
from benchmarks.fresh_pages import fresh_pages_section, measure_fresh_pages
from benchmarks.hour_of_keys import measure_hour
from benchmarks.ingest import ingest_section, measure_ingest
from benchmarks.kills import kills_section, measure_kills
from benchmarks.machine import Machine, describe_machine, describe_versions
from benchmarks.memory import memory_of
from benchmarks.memory_section import memory_section
from benchmarks.page import Section
from benchmarks.race_sections import race_sections
from benchmarks.races import started_races
from benchmarks.restarts import measure_restart, restart_section
from benchmarks.running_races import run_races
from benchmarks.sign_ins import crowd_section, measure_crowd
from benchmarks.statistics import measure_statistics, statistics_section


def run(machine: Machine, *, rounds: int, seconds: int) -> tuple[list[str], list[Section]]:
    """What it was made on and with, one fact each, and its sections.

    Raises:
        BenchmarkError
    """
    about = [
        f"{datetime.now(UTC):%d %B %Y}, medians of {rounds} × {seconds} s; those measured on core {machine.core}, wrk"
        f" and engines on core {machine.load_core}; load average before the run {os.getloadavg()[0]:.1f}",
        describe_machine(),
        describe_versions(machine),
    ]
    with tempfile.TemporaryDirectory(prefix="slipbin-bench-") as name:
        folder = Path(name)
        # As root the engines work as another user, who has to reach their data folder.
        folder.chmod(0o755)
        sections = _with_entries(machine, folder, rounds=rounds, seconds=seconds, about=about)
        _say("ingest")
        sections.append(ingest_section(measure_ingest(machine, folder / "ingest")))
        _say("statistics")
        sections.append(statistics_section(measure_statistics(machine, folder / "statistics")))
    return about, sections


def _with_entries(machine: Machine, folder: Path, *, rounds: int, seconds: int, about: list[str]) -> list[Section]:
    """All that needs the entries of the races. Adds the versions of the engines to `about`."""
    own = folder / "redirects"
    with engines(own, core=machine.load_core) as settings:
        about.append(engine_versions(settings))
        with started_races(machine, own, settings) as races:
            idle = races.idle_memory
            samples = run_races(machine, races, rounds=rounds, seconds=seconds)
            loaded = memory_of(races.product.child.pid)
            _say("a crowd that signs in")
            crowd = measure_crowd(races.product.url, next(iter(races.links)))
            _say("a link that is changed")
            edits = measure_edits(races.product.url)
            _say("large pastes that are opened for the first time")
            fresh_pages = measure_fresh_pages(machine, races.product, races.redirect.work)
            crowded = memory_of(races.product.child.pid)
        work = races.redirect.work
        _say("kill -9")
        kills = measure_kills(machine, work, own, settings)
        _say("restart")
        restart = measure_restart(machine, work, own, settings)
        _say("an hour's worth of keys")
        hour = measure_hour(machine, races, own, settings)
    return [
        *race_sections(races, samples),
        kills_section(kills),
        restart_section(restart),
        memory_section(idle=idle, after_races=loaded, after_crowd=crowded, hour=hour),
        crowd_section(crowd),
        edits_section(edits),
        fresh_pages_section(fresh_pages),
    ]


def _say(what: str) -> None:
    print(what, file=sys.stderr)
