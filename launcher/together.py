"""Runs several coroutines at once; if one fails, the others are cancelled."""

import asyncio
from collections.abc import Coroutine


async def together(*works: Coroutine[object, object, None]) -> None:
    """Run all coroutines to their end; the first error cancels the others and is raised once they have ended."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
