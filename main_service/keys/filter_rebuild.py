"""Keeps the membership filter complete and large enough: the keys of all rows, in a new bitmap where one is needed.

A create sets its bits in all bitmaps that there are, and is in PostgreSQL a little later. So once a bitmap is older
than any create may take, every key is in the bitmap, or in a row that is there to be read.
"""

import logging
import time
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.postgres import Session
from main_service.keys.bloom import LARGEST_SIZE, length_bytes, size_for
from main_service.keys.filter_bitmaps import Bitmap, KnownBitmaps

logger = logging.getLogger(__name__)

LONGEST_CREATE = timedelta(seconds=30)
"""From its bits to its commit. Each step of it is bounded, and all bounds together are less than this."""
KEYS_PER_BATCH = 10_000
_ROOM = 2
"""A new bitmap has room for so many times the keys that there are."""
_COUNT_KEYS = text("SELECT count(*) FROM entry")
_LIST_KEYS = text("SELECT key FROM entry WHERE key > :after ORDER BY key LIMIT :limit")
"""As text: `entry` belongs to a package above this one. A row stays for ever, so these are all keys ever used."""


class Rebuilding:
    """One per process, for it remembers how long it has seen an incomplete bitmap, by a clock that nobody sets."""

    def __init__(self, *, longest_create: timedelta = LONGEST_CREATE) -> None:
        self._longest_create = longest_create
        self._seen = ""
        self._seen_at = 0.0

    async def go_on(self, sessions: async_sessionmaker[Session], bitmaps: KnownBitmaps) -> None:
        """Do what can be done now. To be called again and again.

        Raises:
            RedisAwayError, DatabaseUnavailableError: the next call goes on.
        """
        found = await bitmaps.list_all()
        if not found:
            return
        newest = found[-1]
        if not newest.is_complete:
            await self._fill(newest, sessions, bitmaps)
        elif newest.is_full and newest.size < LARGEST_SIZE:
            async with sessions() as session:
                keys: int = (await session.execute(_COUNT_KEYS)).scalar_one()
            size = max(newest.size + 1, size_for(keys * _ROOM))
            await bitmaps.begin(size)
            logger.info("The filter of known keys is too small for %d; beginning one of 2^%d bits", keys, size)

    async def _fill(self, bitmap: Bitmap, sessions: async_sessionmaker[Session], bitmaps: KnownBitmaps) -> None:
        if self._seen != bitmap.born:
            self._seen, self._seen_at = bitmap.born, time.monotonic()
        if time.monotonic() - self._seen_at < self._longest_create.total_seconds():
            return
        bits = bytearray(length_bytes(bitmap.size))
        added = 0
        last_key = ""
        while True:
            async with sessions() as session:
                found = await session.execute(_LIST_KEYS, {"after": last_key, "limit": KEYS_PER_BATCH})
                keys: list[str] = list(found.scalars())
            for key in keys:
                for bit in bitmaps.hasher.hash(key).bits(bitmap.size):
                    bits[bit >> 3] |= 0x80 >> (bit & 7)
            added += len(keys)
            if len(keys) < KEYS_PER_BATCH:
                break
            last_key = keys[-1]
        if await bitmaps.complete(bitmap, bits):
            logger.info("The filter of known keys is complete, with %d of them in 2^%d bits", added, bitmap.size)
