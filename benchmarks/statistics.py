"""How long the statistics of an entry with ten million visits take, asked for through the front door.

The visits are not made one by one: their sums are written as the ingest leaves them, of 400 days with 24 hours and 100
values of each of six dimensions, in a table with the hours of other entries. Then the daily task sums up the months.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import asyncpg
import httpx

from benchmarks.contestants import Contestant, slipbin
from benchmarks.engines import database_cpu_seconds, engines
from benchmarks.processes import BenchmarkError, run_python

DAYS = 400
PEOPLE_AN_HOUR = 1_042
PEOPLE = DAYS * 24 * PEOPLE_AN_HOUR
OTHER_ENTRIES = 1_000
REQUESTS, WARM_UP_REQUESTS = 200, 20

_KEY = "visited"
_FILL = f"""
    INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url, has_public_statistics)
    VALUES ('{_KEY}', 'link', 'unlisted', now(), now(), now() + interval '1 day', 'https://example.org/', true);
    INSERT INTO visit_hour (key, hour_at, people, bots, day_visitors)
    SELECT '{_KEY}', hour_at, {PEOPLE_AN_HOUR}, 100, 20000
    FROM generate_series(current_date - {DAYS - 1}, current_date + interval '23 hours', '1 hour') AS hour_at;
    INSERT INTO visit_hour (key, hour_at, people, bots, day_visitors)
    SELECT 'other' || number, hour_at, 1, 1, 1
    FROM generate_series(1, {OTHER_ENTRIES}) AS number,
         generate_series(current_date - {DAYS - 1}, current_date, '4 days') AS hour_at;
    INSERT INTO visit_day_value (key, day, dimension, value, visits)
    SELECT '{_KEY}', day, dimension, 'value ' || number,
           {PEOPLE_AN_HOUR * 24 // 100} + CASE WHEN number <= {PEOPLE_AN_HOUR * 24 % 100} THEN 1 ELSE 0 END
    FROM generate_series(current_date - {DAYS - 1}, current_date, '1 day') AS day,
         unnest(ARRAY['browser', 'country', 'device', 'language', 'os', 'referrer']) AS dimension,
         generate_series(1, 100) AS number
    ORDER BY day;
    INSERT INTO visit_month (key, month)
    SELECT DISTINCT key, CAST(date_trunc('month', hour_at AT TIME ZONE 'UTC') AS date) FROM visit_hour;
"""


@dataclass(frozen=True)
class Answers:
    """To one question, again and again; all in milliseconds."""

    durations_ms: list[float]
    web_cpu_ms: float
    """Of each, in the mean; of PostgreSQL likewise."""
    database_cpu_ms: float


@dataclass(frozen=True)
class Asked:
    question: str
    before: Answers
    """While no month is summed up yet."""
    after: Answers


def measure_statistics(folder: Path, *, core: int, load_core: int) -> list[Asked]:
    """One web process answers on `core`; the engines and the client work on `load_core`.

    Raises:
        BenchmarkError: an answer is not what was counted.
    """
    folder.mkdir()
    folder.chmod(0o755)
    with engines(folder, core=load_core) as settings, slipbin(folder, settings=settings, core=core) as product:
        asyncio.run(_prepare(settings, _FILL))
        before = _ask_all(product, folder)
        _sum_up(settings, core=load_core)
        asyncio.run(_prepare(settings, "SELECT"))
        after = _ask_all(product, folder)
    return [Asked(question, before[question], after[question]) for question in before]


def statistics_lines(asked: list[Asked]) -> list[str]:
    line = "{:<28}{:>10}{:>10}{:>18}{:>18}{:>18}"
    return [
        "",
        f"Statistics of an entry with {PEOPLE:,} visits of people (50 ms are the goal), {REQUESTS} requests each, ms",
        line.format("", "median", "p99", "CPU web process", "CPU PostgreSQL", "without sums: CPU"),
        *(
            line.format(
                each.question,
                f"{median(each.after.durations_ms):.1f}",
                f"{quantiles(each.after.durations_ms, n=100)[98]:.1f}",
                f"{each.after.web_cpu_ms:.1f}",
                f"{each.after.database_cpu_ms:.1f}",
                f"{each.before.web_cpu_ms + each.before.database_cpu_ms:.1f}",
            )
            for each in asked
        ),
    ]


async def _prepare(settings: Mapping[str, str], statements: str) -> None:
    connection = await asyncpg.connect(settings["MAIN_DATABASE_URL"].replace("+asyncpg", ""))
    await connection.execute("SET timezone = 'UTC'")
    await connection.execute(statements)
    # As autovacuum would have done long ago.
    await connection.execute("VACUUM (ANALYZE) visit_hour, visit_day_value, visit_month, visit_month_value")
    await connection.close()


def _sum_up(settings: Mapping[str, str], *, core: int) -> None:
    own = {"MAIN_SECRET": "a-secret-of-the-benchmarks-0123456789", "MAIN_PUBLIC_URL": "http://slipbin.test"}
    task = "from main_service.visits.tasks import sum_up_visit_months_task; sum_up_visit_months_task()"
    run_python(["-c", task], {**os.environ, **settings, **own}, core=core)


def _ask_all(product: Contestant, folder: Path) -> dict[str, Answers]:
    """By question."""
    today = datetime.now(UTC).date()
    first = today - timedelta(days=DAYS - 1)
    cut: dict[str, date | str] = {"from": first + timedelta(days=10), "to": today - timedelta(days=10)}
    questions: list[tuple[str, str, dict[str, date | str], int | None]] = [
        ("stats, all time", "stats", {}, PEOPLE),
        ("stats, all but the ends", "stats", cut, (DAYS - 20) * 24 * PEOPLE_AN_HOUR),
        ("history, 400 days", "history", {"from": first}, None),
        ("history, by month", "history", {"by": "month", "from": first}, None),
        ("history, by hour, 31 days", "history", {"by": "hour", "from": today - timedelta(days=30)}, None),
    ]
    with httpx.Client(base_url=f"{product.url}/api/v1/entries/{_KEY}", trust_env=False, timeout=30) as client:
        answers = {}
        for name, path, query, people in questions:
            _ask(client, path, query, people, times=WARM_UP_REQUESTS)
            web_before, database_before = product.child.cpu_seconds(), database_cpu_seconds(folder)
            durations_ms = _ask(client, path, query, people, times=REQUESTS)
            web, database = product.child.cpu_seconds() - web_before, database_cpu_seconds(folder) - database_before
            answers[name] = Answers(durations_ms, web / REQUESTS * 1e3, database / REQUESTS * 1e3)
        return answers


def _ask(
    client: httpx.Client, path: str, query: Mapping[str, date | str], people: int | None, *, times: int
) -> list[float]:
    """How long each answer took, in milliseconds."""
    durations_ms = []
    for _ in range(times):
        started_at = time.perf_counter()
        answer = client.get(path, params={name: str(value) for name, value in query.items()})
        durations_ms.append((time.perf_counter() - started_at) * 1e3)
        if answer.status_code != httpx.codes.OK or (people is not None and answer.json()["visit_count"] != people):
            raise BenchmarkError(
                f"{path} of {people} visits is answered with {answer.status_code}: {answer.text[:300]}"
            )
    return durations_ms
