"""How many visits a second the ingest brings from the stream into PostgreSQL, working on one core."""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import redis

from benchmarks.engines import database_cpu_seconds, engines
from benchmarks.processes import BenchmarkError, run_python
from main_service.settings import load_settings
from main_service.visits.tasks import ingest_visits, keep_partitions

ENTRIES = 1_000
BATCH = 25
"""Visits in a record, as 64 connections make them."""
WARM_UP_VISITS, VISITS = 50_000, 250_000

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.{}"
_AGENTS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36 Edg/{{}}.0.0.0",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_CHROME} Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; SM-X710) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{}.0) Gecko/20100101 Firefox/{}.0",
    "Mozilla/5.0 (compatible; Googlebot/2.{}; +http://www.google.com/bot.html)",
)
_VERSIONS = range(120, 145)
_LANGUAGES = ("en-US", "en-GB", "de", "fr-FR", "es", "pt-BR", "zh-CN", "ja")


@dataclass(frozen=True)
class Ingested:
    visits: int
    seconds: float
    cpu_seconds: float
    """Of the process that ingests."""
    database_cpu_seconds: float
    """Of PostgreSQL."""


def measure_ingest(folder: Path, *, core: int, load_core: int) -> Ingested:
    """Have a full stream ingested by one process on `core`; the engines work on `load_core`.

    Raises:
        BenchmarkError: it fails, or counts something else than was there.
    """
    folder.mkdir()
    folder.chmod(0o755)
    with engines(folder, core=load_core) as settings:
        own = {"MAIN_SECRET": "a-secret-of-the-benchmarks-0123456789", "MAIN_PUBLIC_URL": "http://slipbin.test"}
        environment = {**os.environ, **settings, **own}
        run_python(["-m", "main_service", "migrate"], environment, core=load_core)
        asyncio.run(_create_entries(settings))
        ingested = Ingested(
            **json.loads(run_python(["-m", "benchmarks.ingest", str(folder)], environment, core=core).splitlines()[-1])
        )
        counted = asyncio.run(_count(settings))
    if (ingested.visits, counted) != (VISITS, WARM_UP_VISITS + VISITS):
        raise BenchmarkError(f"the ingest says {ingested.visits} and has counted {counted}")
    return ingested


def ingest_lines(ingested: Ingested) -> list[str]:
    return [
        "",
        f"Ingest: {ingested.visits:,} visits in batches of {BATCH} to {ENTRIES:,} entries:"
        f" {ingested.visits / ingested.seconds:,.0f} visits/s (50,000 are the goal),"
        f" CPU {ingested.cpu_seconds / ingested.visits * 1e6:.1f} µs/visit,"
        f" core busy {ingested.cpu_seconds / ingested.seconds:.0%};"
        f" PostgreSQL on the other core: CPU {ingested.database_cpu_seconds / ingested.visits * 1e6:.1f} µs/visit.",
    ]


async def _create_entries(settings: Mapping[str, str]) -> None:
    connection = await asyncpg.connect(settings["MAIN_DATABASE_URL"].replace("+asyncpg", ""))
    await connection.execute(
        """
        INSERT INTO entry (key, kind, visibility, title, created_at, updated_at, expires_at, original_url)
        SELECT 'key' || number, 'link', 'unlisted', 'Article ' || number, now(), now(), now() + interval '1 day',
               'https://news.example.org/2026/11/articles/' || number
        FROM generate_series(1, $1) AS number
        """,
        ENTRIES,
    )
    await connection.close()


async def _count(settings: Mapping[str, str]) -> int:
    connection = await asyncpg.connect(settings["MAIN_DATABASE_URL"].replace("+asyncpg", ""))
    counted: int = await connection.fetchval("SELECT sum(visit_count + bot_count)::bigint FROM entry")
    await connection.close()
    return counted


def _fill_stream(redis_url: str, visits: int) -> None:
    drawn = random.Random(7)
    agents = [agent.replace("{}", str(version)) for agent in _AGENTS for version in _VERSIONS]
    with redis.Redis.from_url(redis_url) as connection:
        for _ in range(visits // (BATCH * 100)):
            with connection.pipeline(transaction=False) as pipe:
                for _ in range(100):
                    batch = [_visit(drawn, drawn.choice(agents)) for _ in range(BATCH)]
                    pipe.xadd("visits:{0}", {"id": str(uuid4()), "f": "1", "v": json.dumps(batch)})
                pipe.execute()


def _visit(drawn: random.Random, agent: str) -> list[Any]:
    """In the last ten seconds; half of the visitors come from somewhere."""
    number = drawn.randrange(1_000)
    referrer = f"https://www.site{number % 50}.example.net/thread/{number}" if drawn.random() < 0.5 else ""
    return [
        int(time.time() * 1000) - drawn.randrange(10_000),
        f"key{drawn.randint(1, ENTRIES)}",
        f"203.{drawn.randrange(64)}.{drawn.randrange(256)}.0",
        f"{drawn.getrandbits(64):016x}",
        agent,
        referrer,
        drawn.choice(_LANGUAGES),
    ]


async def _ingest(folder: Path, visits: int) -> Ingested:
    """Fill the stream, and measure how long it takes to empty it."""
    settings = load_settings()
    _fill_stream(settings.redis_url, visits)
    started_at, cpu_before, database_before = time.perf_counter(), time.process_time(), database_cpu_seconds(folder)
    total = 0
    while total < visits and (counted := await ingest_visits(settings)):
        total += counted
    return Ingested(
        visits=total,
        seconds=time.perf_counter() - started_at,
        cpu_seconds=time.process_time() - cpu_before,
        database_cpu_seconds=database_cpu_seconds(folder) - database_before,
    )


async def _measure(folder: Path) -> Ingested:
    await keep_partitions(load_settings(), datetime.now(UTC))
    await _ingest(folder, WARM_UP_VISITS)
    return await _ingest(folder, VISITS)


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(_measure(Path(sys.argv[1]))))))
