"""Waits for what happens a moment later."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

WAIT_SECONDS = 120.0
PAUSE_SECONDS = 0.02

Found = TypeVar("Found")


def eventually(find: Callable[[], Found], what: str, *, seconds: float = WAIT_SECONDS) -> Found:
    """Ask until the answer is true, and return it.

    Raises:
        AssertionError: it was not after so many seconds; names what was missing.
    """
    began_at = asked_at = time.monotonic()
    while not (found := find()):
        now = time.monotonic()
        assert now < began_at + seconds, _missing(what, seconds)
        time.sleep(_pause(now - began_at, now - asked_at))
        asked_at = time.monotonic()
    return found


async def eventually_async(
    find: Callable[[], Found | Awaitable[Found]], what: str, *, seconds: float = WAIT_SECONDS
) -> Found:
    """`eventually` for tests with an event loop, which goes on meanwhile; `find` may be a coroutine function."""
    began_at = time.monotonic()
    while True:
        asked_at = time.monotonic()
        answer = find()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        now = time.monotonic()
        assert now < began_at + seconds, _missing(what, seconds)
        await asyncio.sleep(_pause(now - began_at, now - asked_at))


def _pause(waited: float, asked: float) -> float:
    """How long not to ask, in seconds, after waiting for so long and asking for so long.

    After a long wait, a twentieth more does no harm, and asking all the time would slow what is waited for.
    """
    return max(PAUSE_SECONDS, min(waited / 20, 0.25), min(asked, 1.0))


def _missing(what: str, seconds: float) -> str:
    return f"still missing after {seconds:g} s: {what}"
