"""The membership filter: tells from Redis alone which keys were surely never used.

Creates add their key to every bitmap, complete or not, before it is in PostgreSQL. So a complete bitmap has every key
ever used, and some that never were.
"""

import logging
from collections.abc import Sequence

from main_service.engines.redis import RedisClient, RedisUnavailableError
from main_service.keys.bloom import BITS_PER_KEY, FIRST_BIT, KeyHasher
from main_service.keys.filter_bitmaps import FIRST_SIZE, REGISTRY, FilterScript, rules

logger = logging.getLogger(__name__)

_AT_ONCE = 100
"""How many keys one script adds, so that others wait for it no longer than 1 ms."""

# ARGV from 3 on: three numbers for each key, as in `bloom`.
_ADD = FilterScript(f"""
for _, bitmap in pairs(about) do
  local name, bits = bitmap.name, bitmap.bits
  for i = 3, #ARGV, 3 do
    local first, second = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
    if ARGV[i + 2] % bitmap.places == bitmap.place then
      for j = 0, {BITS_PER_KEY - 1} do
        redis.call('SETBIT', name, {FIRST_BIT} + (first + j * second) % bits, 1)
      end
    end
  end
end
""")

_IS_SURELY_UNUSED = FilterScript(f"""
local first, second = tonumber(ARGV[3]), tonumber(ARGV[4])
for _, bitmap in pairs(about) do
  local name, bits = bitmap.name, bitmap.bits
  if ARGV[5] % bitmap.places == bitmap.place and redis.call('GETBIT', name, bitmap.complete_bit) == 1 then
    for j = 0, {BITS_PER_KEY - 1} do
      if redis.call('GETBIT', name, {FIRST_BIT} + (first + j * second) % bits) == 0 then
        return 1
      end
    end
  end
end
return 0
""")


class KeyFilter:
    """Adds keys to the filter and asks for them; one per process."""

    def __init__(self, redis: RedisClient, *, hasher: KeyHasher, first_size: int = FIRST_SIZE) -> None:
        self._redis = redis
        self._hasher = hasher
        self._arguments: list[str | int] = [rules(hasher), first_size]

    async def add(self, keys: Sequence[str]) -> None:
        """Add keys that are about to be inserted into PostgreSQL, within 30 s.

        Raises:
            RedisUnavailableError: perhaps not all were added; they must go into the invalidation outbox.
        """
        for start in range(0, len(keys), _AT_ONCE):
            await self._run(_ADD, keys[start : start + _AT_ONCE])

    async def is_surely_unused(self, key: str) -> bool:
        """Whether the key was never used; False if it may have been, or Redis is away."""
        try:
            return await self._run(_IS_SURELY_UNUSED, [key]) == 1
        except RedisUnavailableError as error:
            logger.debug("The membership filter can't be asked: %s", error)
            return False

    async def _run(self, script: FilterScript, keys: Sequence[str]) -> object:
        arguments = list(self._arguments)
        for key in keys:
            hashed = self._hasher.hash(key)
            arguments += (hashed.first, hashed.second, hashed.place)
        return await self._redis.call(lambda redis: script.run(redis, [REGISTRY], arguments))
