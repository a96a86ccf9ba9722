"""How many keys that stand for nothing a client may ask for, in a minute, counted in Redis.

A fixed window costs one small counter for each client, whatever it tries; a moving one would keep every attempt. While
Redis is away nobody is counted.
"""

import logging

from limits import RateLimitItemPerMinute
from limits.aio.strategies import FixedWindowRateLimiter

from main_service.engines.rate_limits import Address, client_name, redis_counters
from main_service.engines.redis import CarefulRedis, RedisAwayError
from main_service.errors import TooManyUnknownKeysError

logger = logging.getLogger(__name__)


class UnknownKeyLimit:
    """One per process."""

    def __init__(self, redis: CarefulRedis, *, redis_url: str, per_minute: int) -> None:
        self._redis = redis
        self._limiter = FixedWindowRateLimiter(redis_counters(redis_url))
        self._item = RateLimitItemPerMinute(per_minute)

    async def count(self, address: Address) -> None:
        """Count a key that there is not, or not for this client: which of the two, nobody learns from the counting.

        Raises:
            TooManyUnknownKeysError: it is one too many.
        """
        client = f"unknown-keys:{client_name(address)}"
        try:
            # Its connections are its own, but what fails there and here is one Redis.
            may_ask = await self._redis.ask(lambda _: self._limiter.hit(self._item, client))
        except RedisAwayError as error:
            logger.debug("Unknown keys are not counted: %s", error)
            return
        if not may_ask:
            raise TooManyUnknownKeysError
