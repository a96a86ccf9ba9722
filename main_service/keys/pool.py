"""Takes ready keys from the pools that keygen_service fills, and draws keys itself when a pool is empty or away."""

import asyncio
import logging
import secrets
from collections import deque
from enum import StrEnum
from typing import cast

from redis.asyncio import Redis

from main_service.engines.redis import RedisClient, RedisUnavailableError
from main_service.monitoring.metrics import KEYS_DRAWN

logger = logging.getLogger(__name__)

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Base58, as keygen_service draws it; a contract test compares the two."""

KEYS_PER_TRIP = 64
"""Keys taken at once, because a round trip to Redis costs as much as the rest of a create. Keys that are left when the
process ends are never used."""


class Pool(StrEnum):
    """The name of a pool: short keys for links, long ones wherever the key is the only secret."""

    LINK = "keys:link"
    PASTE = "keys:paste"


KEY_LENGTHS = {Pool.LINK: 7, Pool.PASTE: 11}


class KeySource:
    """Ready keys, with a small buffer for each pool; one per process."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._buffers: dict[Pool, deque[str]] = {pool: deque() for pool in Pool}
        self._locks = {pool: asyncio.Lock() for pool in Pool}

    async def take(self, pool: Pool) -> str:
        """A key that no pool gives to another taker; very rarely one that is already in use. Never fails."""
        buffer = self._buffers[pool]
        while not buffer:
            async with self._locks[pool]:
                if not buffer:
                    buffer.extend(await self._fetch(pool))
        return buffer.popleft()

    async def _fetch(self, pool: Pool) -> list[str]:
        try:
            popped = await self._redis.call(lambda redis: _take(redis, pool))
        except RedisUnavailableError as error:
            logger.debug("No ready keys, drawing them here: %s", error)
            popped = []
        return popped or self._draw(pool)

    def _draw(self, pool: Pool) -> list[str]:
        """Draw a full buffer, so that not every create asks a pool that gives nothing."""
        KEYS_DRAWN.inc(KEYS_PER_TRIP)
        return [draw_key(KEY_LENGTHS[pool]) for _ in range(KEYS_PER_TRIP)]


async def _take(redis: Redis, pool: Pool) -> list[str]:
    popped = cast("list[bytes]", await redis.spop(pool.value, KEYS_PER_TRIP))
    return [key.decode("ascii") for key in popped]


def draw_key(length: int) -> str:
    """A random key of base58, from the system's random source."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
