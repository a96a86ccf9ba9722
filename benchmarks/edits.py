"""Whether a link that many follow stays fast while its owner changes it again and again."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from statistics import median

import httpx

from benchmarks.entries import link_body
from benchmarks.page import Section, table
from benchmarks.sign_ins import redirects_until

READERS = 8
SECONDS = 5.0
CHANGE_EVERY_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Edits:
    """Durations of redirects, in milliseconds, of all readers together."""

    alone_ms: list[float]
    """While the link is not changed."""
    meanwhile_ms: list[float]
    changes: int


def measure_edits(url: str) -> Edits:
    """Raises:
    httpx.HTTPError: the link could not be made or changed.
    """
    return asyncio.run(_measure(url))


def edits_section(edits: Edits) -> Section:
    rows = [
        [name, f"{len(durations) / SECONDS:,.0f}", f"{median(durations):.1f}", f"{_p99(durations):.1f}"]
        for name, durations in (
            ("it is not changed", edits.alone_ms),
            (f"its owner changes it {edits.changes} times", edits.meanwhile_ms),
        )
    ]
    header = [f"{READERS} readers of one link, while", "redirects/s", "median ms", "p99 ms"]
    return Section(title="Redirects of a link that is changed", lines=table(header, rows))


def _p99(durations: Sequence[float]) -> float:
    return sorted(durations)[len(durations) * 99 // 100]


async def _measure(url: str) -> Edits:
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as owner:
        made = (await owner.post("/api/v1/links", json=link_body(0))).raise_for_status().json()
        alone_ms = await _read(url, made["key"], asyncio.sleep(SECONDS))
        changing = asyncio.create_task(_change(owner, made))
        meanwhile_ms = await _read(url, made["key"], changing)
        return Edits(alone_ms=alone_ms, meanwhile_ms=meanwhile_ms, changes=await changing)


async def _read(url: str, key: str, end: Awaitable[object]) -> list[float]:
    done = asyncio.ensure_future(end)

    async def read() -> list[float]:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            return await redirects_until(done, client, key)

    return [each for durations in await asyncio.gather(*(read() for _ in range(READERS))) for each in durations]


async def _change(owner: httpx.AsyncClient, made: dict[str, str]) -> int:
    """Another address each time; return how often."""
    changes = 0
    for changes in range(1, int(SECONDS / CHANGE_EVERY_SECONDS) + 1):
        await asyncio.sleep(CHANGE_EVERY_SECONDS)
        change = {"original_url": f"https://news.example.org/{changes}"}
        headers = {"X-Manage-Token": made["manage_token"]}
        (await owner.patch(f"/api/v1/entries/{made['key']}", json=change, headers=headers)).raise_for_status()
    return changes
