"""How long the statistics of an entry with ten million visits take, asked for through the front door."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

import httpx

from benchmarks.contestants import Contestant, slipbin
from benchmarks.counted_entry import DAYS, FILL_TABLES, KEY, PEOPLE, PEOPLE_AN_HOUR
from benchmarks.engines import database_cpu_seconds, engines, execute
from benchmarks.errors import BenchmarkError
from benchmarks.machine import Machine
from benchmarks.page import Goal, Section, table
from benchmarks.pinning import run_python

REQUESTS, REQUESTS_WITHOUT_SUMS, WARM_UP_REQUESTS = 200, 40, 10

# As autovacuum would have done long ago.
_VACUUM = "VACUUM (ANALYZE) visit_hour, visit_day_value, visit_month, visit_month_value"
_SUM_UP = "from main_service.worker import app; app.tasks['main_service.sum_up_visit_months']()"


@dataclass(frozen=True)
class Answers:
    """The answers to one question that is asked again and again. Times are in milliseconds."""

    durations_ms: list[float]
    web_cpu_ms: float
    """The mean processor time for each answer; the next field is that of PostgreSQL."""
    database_cpu_ms: float


@dataclass(frozen=True)
class Asked:
    question: str
    before: Answers
    """While no month is summed up yet."""
    after: Answers


def measure_statistics(machine: Machine, folder: Path) -> list[Asked]:
    """Have one web process answer. `folder`: is made, for engines of its own.

    Raises:
        BenchmarkError: an answer is not what was counted.
    """
    with (
        engines(folder, core=machine.load_core) as settings,
        slipbin(folder, settings=settings, core=machine.core) as product,
    ):
        execute(settings, FILL_TABLES, _VACUUM)
        before = _ask_all(product, folder, times=REQUESTS_WITHOUT_SUMS)
        run_python(["-c", _SUM_UP], settings, core=machine.load_core)
        execute(settings, _VACUUM)
        after = _ask_all(product, folder, times=REQUESTS)
    return [Asked(question, before[question], after[question]) for question in before]


def statistics_section(asked: list[Asked]) -> Section:
    header = ["ms", "median", "p99", "CPU web process", "CPU PostgreSQL", "both, without sums of months"]
    rows = [
        [
            each.question,
            f"{median(each.after.durations_ms):.1f}",
            f"{quantiles(each.after.durations_ms, n=100)[98]:.1f}",
            f"{each.after.web_cpu_ms:.1f}",
            f"{each.after.database_cpu_ms:.1f}",
            f"{each.before.web_cpu_ms + each.before.database_cpu_ms:.1f}",
        ]
        for each in asked
    ]
    goal = Goal(
        work=f"statistics of an entry with {PEOPLE:,} visits: the slowest question's median",
        figure=max(median(each.after.durations_ms) for each in asked),
        bound=50,
        is_most=True,
        form="{:.1f} ms",
    )
    return Section(title="Statistics", lines=table(header, rows), goals=[goal])


def _ask_all(product: Contestant, folder: Path, *, times: int) -> dict[str, Answers]:
    """The answers by question."""
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
    with httpx.Client(base_url=f"{product.url}/api/v1/entries/{KEY}", trust_env=False, timeout=30) as client:
        answers = {}
        for name, path, query, people in questions:
            _ask(client, path, query, people, times=WARM_UP_REQUESTS)
            web_before, database_before = product.child.cpu_seconds(), database_cpu_seconds(folder)
            durations_ms = _ask(client, path, query, people, times=times)
            web, database = product.child.cpu_seconds() - web_before, database_cpu_seconds(folder) - database_before
            answers[name] = Answers(durations_ms, web / times * 1e3, database / times * 1e3)
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
