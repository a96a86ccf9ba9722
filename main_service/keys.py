"""Takes ready keys from the pools that keygen_service fills; draws them itself when a pool gives none."""

import asyncio
import logging
import secrets
import time
from collections import deque
from enum import StrEnum
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Base58, as keygen_service draws it; a contract test compares the two."""

ASK_AGAIN_SECONDS = 2.0
"""After a failure Redis is left alone this long, so that a crowd of creates does not wait for it one after another."""

KEYS_PER_TRIP = 64
"""A trip to Redis costs as much as the rest of a create. Keys that die with the process are simply never used."""


class Pool(StrEnum):
    """The name of a pool: short keys for links, long ones wherever the key is the only secret."""

    LINK = "keys:link"
    PASTE = "keys:paste"


KEY_LENGTHS = {Pool.LINK: 7, Pool.PASTE: 11}


class KeySource:
    """Ready keys, through a small buffer for each pool. One per process."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._buffers: dict[Pool, deque[str]] = {pool: deque() for pool in Pool}
        self._locks = {pool: asyncio.Lock() for pool in Pool}
        self._ask_again_at = 0.0
        self.drawn_here = 0
        """Keys that this process had to draw itself because a pool was empty or out of reach."""

    async def take(self, pool: Pool) -> str:
        """A key that no pool gives to anybody else; very rarely one that is in use already. Never fails."""
        buffer = self._buffers[pool]
        while not buffer:
            async with self._locks[pool]:
                if not buffer:
                    buffer.extend(await self._fetch(pool))
        return buffer.popleft()

    async def _fetch(self, pool: Pool) -> list[str]:
        if time.monotonic() < self._ask_again_at:
            return self._draw(pool)
        try:
            popped = cast("list[bytes]", await self._redis.spop(pool.value, KEYS_PER_TRIP))
        except RedisError as error:
            logger.warning("Redis gives no keys (%s); drawing them here", error)
            self._ask_again_at = time.monotonic() + ASK_AGAIN_SECONDS
            popped = []
        return [key.decode("ascii") for key in popped] or self._draw(pool)

    def _draw(self, pool: Pool) -> list[str]:
        self.drawn_here += KEYS_PER_TRIP
        return [draw_key(KEY_LENGTHS[pool]) for _ in range(KEYS_PER_TRIP)]


def draw_key(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
