"""Whether a crowd that signs in holds up who only follows a link, in the same process."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from statistics import median

import httpx

from benchmarks.page import Section, table

SIGN_INS = 40
ALONE_SECONDS = 2.0
EMAIL, PASSWORD = "bench@example.org", "Wonderful-1"


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Durations in milliseconds."""

    statuses: Mapping[int, int]
    """How many sign-ins were answered with which."""
    seconds: float
    alone_ms: list[float]
    """The times of redirects, one after the other, while no one signs in."""
    meanwhile_ms: list[float]


def measure_crowd(url: str, key: str) -> Crowd:
    """Measure many sign-ins at once, beside readers of the link `key`."""
    return asyncio.run(_measure(url, key))


def crowd_section(crowd: Crowd) -> Section:
    rows = [
        [name, str(len(durations)), f"{median(durations):.1f}", f"{max(durations):.1f}"]
        for name, durations in (("no one signs in", crowd.alone_ms), ("meanwhile", crowd.meanwhile_ms))
    ]
    statuses = ", ".join(f"{count} with {status}" for status, count in sorted(crowd.statuses.items()))
    lines = [
        *table(["a redirect while", "redirects", "median ms", "longest ms"], rows),
        "",
        f"{SIGN_INS} sign-ins at once were answered within {crowd.seconds:.1f} s: {statuses}.",
    ]
    return Section(title="Redirects while a crowd signs in", lines=lines)


async def _measure(url: str, key: str) -> Crowd:
    # A client of its own, so that the redirects wait for no connection.
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as crowd,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as reader,
    ):
        account = {"email": EMAIL, "password": PASSWORD}
        (await crowd.post("/api/v1/auth/register", json=account)).raise_for_status()
        alone_ms = await redirects_until(asyncio.sleep(ALONE_SECONDS), reader, key)
        started_at = time.perf_counter()
        sign_ins = asyncio.gather(*(crowd.post("/api/v1/auth/token", json=account) for _ in range(SIGN_INS)))
        meanwhile_ms = await redirects_until(sign_ins, reader, key)
        seconds = time.perf_counter() - started_at
        statuses = [answer.status_code for answer in await sign_ins]
    return Crowd(statuses=Counter(statuses), seconds=seconds, alone_ms=alone_ms, meanwhile_ms=meanwhile_ms)


async def redirects_until(end: Awaitable[object], client: httpx.AsyncClient, key: str) -> list[float]:
    """How long each took, in milliseconds."""
    done = asyncio.ensure_future(end)
    durations = []
    while not done.done():
        started_at = time.perf_counter()
        answer = await client.get(f"/{key}")
        durations.append((time.perf_counter() - started_at) * 1e3)
        if answer.status_code != httpx.codes.FOUND:
            raise RuntimeError(f"a redirect was answered with {answer.status_code}")
    return durations
