"""Waits until everything answers, and says what is missing when that takes long."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from launcher.data.folder import DataFolder
from launcher.engines.valkey import ask_valkey

POLL = timedelta(milliseconds=25)
PATIENCE = timedelta(seconds=60)
ANSWER_LIMIT = timedelta(seconds=10)
POOLS = ("keys:link", "keys:paste")
"""The two sets of ready keys, filled by keygen_service."""


async def wait_until(
    find_missing: Callable[[], Awaitable[str | None]],
    *,
    say: Callable[[str], None],
    patience: timedelta = PATIENCE,
) -> None:
    """Ask repeatedly until nothing is missing.

    find_missing: what is missing, as a part of a sentence; None when nothing is.
    say: called with what is missing each time `patience` has passed.
    """
    told_at = time.monotonic()
    while missing := await find_missing():
        if time.monotonic() - told_at > patience.total_seconds():
            say(f"still not ready, and trying on: {missing}")
            told_at = time.monotonic()
        await asyncio.sleep(POLL.total_seconds())


Front = tuple[str, int] | Path
"""Host and port, or the unix socket, of the web processes."""


async def find_missing_service(data: DataFolder, front: Front) -> str | None:
    """What isn't ready yet, as a part of a sentence: an answer to GET /, or keys in the pools; None: everything is."""
    answer = await get_front_page(front)
    if answer != "200":
        return f"GET / on the web processes is answered by {answer or 'nothing'}"
    for pool in POOLS:
        count = await ask_valkey(data, f"SCARD {pool}")
        if count is None or not count.startswith(":") or count == ":0":
            return f"the pool {pool} has no ready key, which is the work of keygen-worker and keygen-beat"
    return None


async def get_front_page(front: Front) -> str | None:
    """The status code of GET /; None if nothing answers in time."""
    try:
        return await asyncio.wait_for(_get_status(front), ANSWER_LIMIT.total_seconds())
    except (OSError, TimeoutError):
        return None


async def _get_status(front: Front) -> str | None:
    if isinstance(front, Path):
        reader, writer = await asyncio.open_unix_connection(front)
        host = "localhost"
    else:
        reader, writer = await asyncio.open_connection(*front)
        host = f"[{front[0]}]:{front[1]}" if ":" in front[0] else f"{front[0]}:{front[1]}"
    try:
        lines = ("GET / HTTP/1.1", f"Host: {host}", "Accept: text/html", "Connection: close", "", "")
        writer.write("\r\n".join(lines).encode())
        words = (await reader.readline()).decode("latin-1").split()
    finally:
        writer.close()
    return words[1] if len(words) > 1 else None
