"""How many visits a second the ingest brings from the stream into PostgreSQL, working on one core."""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.engines import database_cpu_seconds, engines, execute, fetch_value
from benchmarks.errors import BenchmarkError
from benchmarks.machine import Machine
from benchmarks.made_visits import BATCH, ENTRIES, fill_stream
from benchmarks.page import Goal, Section, table
from benchmarks.pinning import run_python
from main_service.resources import Resources, open_resources
from main_service.settings import load_settings
from main_service.visits.tasks import ingest_visits, maintain_partitions

WARM_UP_VISITS, VISITS = 50_000, 250_000

_FILL_TABLES = f"""
    INSERT INTO entry (key, kind, visibility, title, created_at, updated_at, expires_at, original_url)
    SELECT 'key' || number, 'link', 'unlisted', 'Article ' || number, now(), now(), now() + interval '1 day',
           'https://news.example.org/2026/11/articles/' || number
    FROM generate_series(1, {ENTRIES}) AS number
"""


@dataclass(frozen=True)
class Ingested:
    visits: int
    seconds: float
    cpu_seconds: float
    """Processor time of the process that ingests."""
    database_cpu_seconds: float
    """Processor time of PostgreSQL."""


def measure_ingest(machine: Machine, folder: Path) -> Ingested:
    """Have a full stream ingested by one process. `folder`: is made, for engines of its own.

    Raises:
        BenchmarkError: it fails, or counts something else than was there.
    """
    with engines(folder, core=machine.load_core) as settings:
        execute(settings, _FILL_TABLES)
        output = run_python(["-m", "benchmarks.ingest", str(folder)], settings, core=machine.core)
        ingested = Ingested(**json.loads(output.splitlines()[-1]))
        counted = fetch_value(settings, "SELECT sum(visit_count + bot_count)::bigint FROM entry")
    if (ingested.visits, counted) != (VISITS, WARM_UP_VISITS + VISITS):
        raise BenchmarkError(f"the ingest says {ingested.visits} and has counted {counted}")
    return ingested


def ingest_section(ingested: Ingested) -> Section:
    per_second = ingested.visits / ingested.seconds
    header = ["", "visits/s", "CPU µs/visit", "core busy", "PostgreSQL, on the other core: CPU µs/visit"]
    row = [
        f"{ingested.visits:,} visits in batches of {BATCH} to {ENTRIES:,} entries",
        f"{per_second:,.0f}",
        f"{ingested.cpu_seconds / ingested.visits * 1e6:.1f}",
        f"{ingested.cpu_seconds / ingested.seconds:.0%}",
        f"{ingested.database_cpu_seconds / ingested.visits * 1e6:.1f}",
    ]
    goal = Goal(work="ingest", figure=per_second, bound=50_000, form="{:,.0f} visits/s")
    return Section(title="Ingest", lines=table(header, [row]), goals=[goal])


async def _ingest(folder: Path, resources: Resources, visits: int) -> Ingested:
    """Fill the stream, and measure how long it takes to empty it."""
    fill_stream(resources.settings.redis_url, visits)
    started_at, cpu_before, database_before = time.perf_counter(), time.process_time(), database_cpu_seconds(folder)
    total = 0
    while total < visits and (counted := await ingest_visits(resources)):
        total += counted
    return Ingested(
        visits=total,
        seconds=time.perf_counter() - started_at,
        cpu_seconds=time.process_time() - cpu_before,
        database_cpu_seconds=database_cpu_seconds(folder) - database_before,
    )


async def _measure(folder: Path) -> Ingested:
    async with open_resources(load_settings(), for_task=True) as resources:
        await maintain_partitions(resources)
        await _ingest(folder, resources, WARM_UP_VISITS)
        return await _ingest(folder, resources, VISITS)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_measure(Path(sys.argv[1]))))))
