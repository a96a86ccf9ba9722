"""Keeps the membership filter complete and large enough, by adding the keys of all rows to a new bitmap.

A create adds its key to all bitmaps that exist, and to PostgreSQL a little later. So once a bitmap is older than any
create may take, every key is in the bitmap or in a row that can be read.
"""

import logging
import time
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.postgres import Session
from main_service.keys.bloom import largest_size, length_bytes, size_for
from main_service.keys.filter_bitmaps import Bitmap, FilterBitmaps

logger = logging.getLogger(__name__)

LONGEST_CREATE = timedelta(seconds=30)
"""How long a create may take from setting its bits to its commit: each step is bounded, and the sum is less."""
KEYS_PER_BATCH = 10_000
_ROOM = 2
"""How many times the present number of keys a new filter has room for."""
_COUNT_KEYS = text("SELECT count(*) FROM entry")
_LIST_KEYS = text("SELECT key FROM entry WHERE key > :after ORDER BY key LIMIT :limit")
"""All keys ever used, as rows are never deleted. SQL text, because the model of `entry` is in a higher layer."""


class FilterRebuild:
    """A rebuild, step by step. One per process, as it remembers since when it has seen a bitmap (monotonic clock)."""

    def __init__(self, *, longest_create: timedelta = LONGEST_CREATE) -> None:
        self._longest_create = longest_create
        self._seen: list[str] = []
        self._seen_at = 0.0

    async def step(self, sessions: async_sessionmaker[Session], bitmaps: FilterBitmaps, *, most_bytes: int) -> None:
        """Do what can be done now; call it regularly. `most_bytes`: the largest size of the filter.

        Raises:
            RedisUnavailableError, DatabaseUnavailableError: the next call goes on.
        """
        found = await bitmaps.list_all()
        if not found:
            return
        size = found[-1].size
        newest = [bitmap for bitmap in found if bitmap.size == size]
        incomplete = [bitmap for bitmap in newest if not bitmap.is_complete]
        if len(newest) < bitmaps.places(size):
            await bitmaps.begin(size)
        elif incomplete:
            if self._is_old_enough(newest):
                await self._fill(incomplete[0], sessions, bitmaps)
        elif newest[0].is_full and size < largest_size(most_bytes):
            async with sessions() as session:
                keys: int = (await session.execute(_COUNT_KEYS)).scalar_one()
            size = max(size + 1, size_for(keys * _ROOM, largest=largest_size(most_bytes)))
            await bitmaps.begin(size)
            logger.info("The membership filter is too small for %d; beginning one of 2^%d bits", keys, size)

    def _is_old_enough(self, bitmaps: list[Bitmap]) -> bool:
        """Whether every create that is under way has found all of these bitmaps."""
        created = [bitmap.created for bitmap in bitmaps]
        if self._seen != created:
            self._seen, self._seen_at = created, time.monotonic()
        return time.monotonic() - self._seen_at >= self._longest_create.total_seconds()

    async def _fill(self, bitmap: Bitmap, sessions: async_sessionmaker[Session], bitmaps: FilterBitmaps) -> None:
        part, places = bitmaps.bits_of(bitmap.size), bitmaps.places(bitmap.size)
        bits = bytearray(length_bytes(part))
        added = 0
        last_key = ""
        while True:
            async with sessions() as session:
                found = await session.execute(_LIST_KEYS, {"after": last_key, "limit": KEYS_PER_BATCH})
                keys: list[str] = list(found.scalars())
            for key in keys:
                hashed = bitmaps.hasher.hash(key)
                if hashed.place % places == bitmap.place:
                    added += 1
                    for bit in hashed.bits(part):
                        bits[bit >> 3] |= 0x80 >> (bit & 7)
            if len(keys) < KEYS_PER_BATCH:
                break
            last_key = keys[-1]
        if await bitmaps.complete(bitmap, bits):
            which = "" if places == 1 else f", part {bitmap.place + 1} of {places},"
            logger.info("The membership filter%s is complete, with %d of them in 2^%d bits", which, added, part)
