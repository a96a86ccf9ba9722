"""Answers that take the same time, whatever was found: whether an address has an account shows in no stop-watch."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from main_service.database import Session

EVEN_SECONDS = 0.05
"""Several times what finding an account and writing down a letter take."""


@asynccontextmanager
async def in_even_time(session: Session) -> AsyncIterator[None]:
    """What is done inside is committed, which takes longer where there was something to do; the rest is waited."""
    started_at = time.monotonic()
    yield
    await session.commit()
    await asyncio.sleep(started_at + EVEN_SECONDS - time.monotonic())
