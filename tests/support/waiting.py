"""Waits for what happens a moment later."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

WAIT_SECONDS = 60.0
PAUSE_SECONDS = 0.02

Found = TypeVar("Found")


def eventually(find: Callable[[], Found], what: str, *, seconds: float = WAIT_SECONDS) -> Found:
    """Ask until the answer is true, and return it.

    Raises:
        AssertionError: it was not after so many seconds; names what was missing.
    """
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline, _missing(what, seconds)
        time.sleep(PAUSE_SECONDS)
    return found


async def eventually_async(
    find: Callable[[], Found | Awaitable[Found]], what: str, *, seconds: float = WAIT_SECONDS
) -> Found:
    """`eventually` for tests with an event loop, which goes on meanwhile; `find` may be a coroutine function."""
    deadline = time.monotonic() + seconds
    while True:
        answer = find()
        found = await answer if inspect.isawaitable(answer) else answer
        if found:
            return found
        assert time.monotonic() < deadline, _missing(what, seconds)
        await asyncio.sleep(PAUSE_SECONDS)


def _missing(what: str, seconds: float) -> str:
    return f"still missing after {seconds:g} s: {what}"
