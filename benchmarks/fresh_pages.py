"""Whether redirects stay fast while many readers open large pastes for the first time."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from urllib.parse import SplitResult, urlsplit

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
MAX_SECONDS = 120
ROUNDS = 5
"""Each has pastes of its own: a window of under a second holds too few delays to tell by one."""


@dataclass(frozen=True, kw_only=True)
class Round:
    quiet: Answers
    """Redirects while no paste is opened."""
    meanwhile: Answers
    seconds: float
    """How long it took until all readers had their page."""


def measure_fresh_pages(machine: Machine, product: Contestant, work: Work) -> list[Round]:
    """The renderers of the product work on the other core, as where there are several.

    Raises:
        BenchmarkError: a paste can't be made or opened, or wrk fails.
    """
    for child in psutil.Process(product.child.pid).children():
        child.cpu_affinity([machine.load_core])
    return [_measure(machine, product, work) for _ in range(ROUNDS)]


def _measure(machine: Machine, product: Contestant, work: Work) -> Round:
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
    return Round(quiet=quiet, meanwhile=meanwhile, seconds=seconds)


def fresh_pages_section(rounds: Sequence[Round]) -> Section:
    header = [f"redirects on {CONNECTIONS} connections, while", "redirects/s", "p50 ms", "p99 ms", "longest ms"]
    seconds = median(each.seconds for each in rounds)
    rows = [
        [
            name,
            f"{median(each.requests / each.seconds for each in answers):,.0f}",
            f"{median(each.p50_ms for each in answers):.2f}",
            f"{median(each.p99_ms for each in answers):.1f}",
            f"{median(each.longest_ms for each in answers):,.0f}",
        ]
        for name, answers in (
            ("no paste is opened", [each.quiet for each in rounds]),
            (
                f"{READERS} readers open one each of {TEXT_BYTES // 1000} KB, in {seconds:.1f} s",
                [each.meanwhile for each in rounds],
            ),
        )
    ]
    failures = [answers.failures for each in rounds for answers in (each.quiet, each.meanwhile) if answers.failures]
    ratios = [each.meanwhile.p99_ms / each.quiet.p99_ms for each in rounds]
    goal = Goal(
        work=f"p99 of redirects while {READERS} readers open fresh pastes of {TEXT_BYTES // 1000} KB",
        figure=median(ratios),
        bound=2,
        is_most=True,
        form="{:.2f} × quiet",
        is_valid=not failures,
    )
    return Section(
        title="Redirects beside large pastes",
        lines=[
            *table(header, rows),
            "",
            f"Medians of {ROUNDS} rounds, each with pastes of its own; by round the p99 was"
            f" {', '.join(f'{ratio:.1f}' for ratio in ratios)} × that of its quiet time.",
        ],
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
    """Open all pages at once. They are read and not looked at: what a browser does with them takes place elsewhere."""
    async with asyncio.timeout(MAX_SECONDS):
        heads = await asyncio.gather(*(_read(urlsplit(url), key) for key in keys))
    if not all(head.startswith(b"HTTP/1.1 200 ") for head in heads):
        raise BenchmarkError("Slipbin does not open all pastes")


async def _read(url: SplitResult, key: str) -> bytes:
    """Read a page to its end without looking at it; return how its answer begins."""
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    headers = "".join(f"{name}: {value}\r\n" for name, value in BROWSER.items())
    writer.write(f"GET /{key} HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n{headers}\r\n".encode())
    head = await reader.readline()
    while await reader.read(64 * 1024):
        pass
    writer.close()
    return head
