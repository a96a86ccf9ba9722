"""Whether redirects stay fast while many readers open large pastes for the first time."""

import asyncio
import time
from dataclasses import dataclass

import httpx
import psutil

from benchmarks.contestants import Contestant
from benchmarks.errors import BenchmarkError
from benchmarks.load import Answers, loading
from benchmarks.machine import Machine
from benchmarks.page import Goal, Section, counts_text, table
from benchmarks.work import BROWSER, Work

READERS = 20
TEXT_BYTES = 500_000
QUIET_SECONDS = 5
CONNECTIONS = 8
"""Connections that ask for redirects; a full load would measure the machine, not how renderings delay redirects."""
MOST_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class FreshPages:
    quiet: Answers
    """Redirects while no paste is opened."""
    meanwhile: Answers
    seconds: float
    """How long it took until all readers had their page."""


def measure_fresh_pages(machine: Machine, product: Contestant, work: Work) -> FreshPages:
    """The renderers of the product work on the other core, as where there are several.

    Raises:
        BenchmarkError: a paste can't be made or opened, or wrk fails.
    """
    for child in psutil.Process(product.child.pid).children():
        child.cpu_affinity([machine.load_core])
    keys = asyncio.run(_create(product.url))
    product.prepare()
    with loading(machine, work, product.url, connections=CONNECTIONS, seconds=QUIET_SECONDS) as load:
        quiet = load.wait()
    product.prepare()
    with loading(machine, work, product.url, connections=CONNECTIONS) as load:
        began_at = time.monotonic()
        asyncio.run(_open(product.url, keys))
        seconds = time.monotonic() - began_at
        meanwhile = load.stop()
    return FreshPages(quiet=quiet, meanwhile=meanwhile, seconds=seconds)


def fresh_pages_section(measured: FreshPages) -> Section:
    header = [f"redirects on {CONNECTIONS} connections, while", "redirects/s", "p50 ms", "p99 ms", "longest ms"]
    rows = [
        [
            name,
            f"{answers.requests / answers.seconds:,.0f}",
            f"{answers.p50_ms:.2f}",
            f"{answers.p99_ms:.1f}",
            f"{answers.longest_ms:,.0f}",
        ]
        for name, answers in (
            ("no paste is opened", measured.quiet),
            (
                f"{READERS} readers open one each of {TEXT_BYTES // 1000} KB, in {measured.seconds:.1f} s",
                measured.meanwhile,
            ),
        )
    ]
    failures = [answers.failures for answers in (measured.quiet, measured.meanwhile) if answers.failures]
    goal = Goal(
        work=f"p99 of redirects while {READERS} readers open fresh pastes of {TEXT_BYTES // 1000} KB",
        figure=measured.meanwhile.p99_ms / measured.quiet.p99_ms,
        bound=2,
        is_most=True,
        form="{:.2f} × quiet",
        is_valid=not failures,
    )
    return Section(
        title="Redirects beside large pastes",
        lines=table(header, rows),
        goals=[goal],
        invalid=[f"Redirects beside large pastes: {counts_text(each)}" for each in failures],
    )


async def _create(url: str) -> list[str]:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        answers = [await client.post("/api/v1/pastes", json=_paste(number)) for number in range(READERS)]
    for answer in answers:
        if answer.status_code != httpx.codes.CREATED:
            raise BenchmarkError(f"Slipbin creates no paste: {answer.status_code} {answer.text[:500]}")
    return [answer.json()["key"] for answer in answers]


def _paste(number: int) -> dict[str, str]:
    lines = [f"def value_{number}_{line}(rate: float) -> float:\n    return rate * {line}\n" for line in range(20_000)]
    return {"text": "".join(lines)[:TEXT_BYTES], "syntax": "python"}


async def _open(url: str, keys: list[str]) -> None:
    async with httpx.AsyncClient(base_url=url, headers=BROWSER, trust_env=False, timeout=MOST_SECONDS) as client:
        answers = await asyncio.gather(*(client.get(f"/{key}") for key in keys))
    if any(answer.status_code != httpx.codes.OK for answer in answers):
        raise BenchmarkError("Slipbin does not open all pastes")
