"""Whether a crowd that signs in holds up who only follows a link, in the same process."""

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from statistics import median

import httpx

SIGN_INS = 40
ALONE_SECONDS = 2.0
EMAIL, PASSWORD = "bench@example.org", "Wonderful-1"


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Durations in milliseconds."""

    signed_in: int
    seconds: float
    alone_ms: list[float]
    """Of redirects, one after the other, while nobody signs in."""
    meanwhile_ms: list[float]


def measure_crowd(url: str, key: str) -> Crowd:
    """`key`: of a link."""
    return asyncio.run(_measure(url, key))


def crowd_lines(crowd: Crowd) -> list[str]:
    return [
        "",
        f"{SIGN_INS} sign-ins at once: {crowd.signed_in} signed in within {crowd.seconds:.1f} s.",
        f"A redirect alone: median {median(crowd.alone_ms):.1f} ms, longest {max(crowd.alone_ms):.1f} ms;"
        f" meanwhile: median {median(crowd.meanwhile_ms):.1f} ms, longest {max(crowd.meanwhile_ms):.1f} ms"
        f" of {len(crowd.meanwhile_ms)} (100 ms are the limit).",
    ]


async def _measure(url: str, key: str) -> Crowd:
    # A client of its own, so that the redirects wait for no connection.
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as crowd,
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=30) as reader,
    ):
        account = {"email": EMAIL, "password": PASSWORD}
        (await crowd.post("/api/v1/auth/register", json=account)).raise_for_status()
        alone_ms = await _redirects_until(asyncio.sleep(ALONE_SECONDS), reader, key)
        started_at = time.perf_counter()
        sign_ins = asyncio.gather(*(crowd.post("/api/v1/auth/token", json=account) for _ in range(SIGN_INS)))
        meanwhile_ms = await _redirects_until(sign_ins, reader, key)
        seconds = time.perf_counter() - started_at
        statuses = [answer.status_code for answer in await sign_ins]
    return Crowd(signed_in=statuses.count(200), seconds=seconds, alone_ms=alone_ms, meanwhile_ms=meanwhile_ms)


async def _redirects_until(end: Awaitable[object], client: httpx.AsyncClient, key: str) -> list[float]:
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
