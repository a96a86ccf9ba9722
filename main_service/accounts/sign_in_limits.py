"""How often signing in may fail: per name typed and per client address, in a moving window kept in Redis.

While Redis is away, each process counts for itself.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import TypeVar

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.exceptions import RedisError

from main_service.accounts.errors import TooManyAttemptsError
from main_service.engines.rate_limits import ANSWER_SECONDS, Address, client_name, redis_counters

logger = logging.getLogger(__name__)

PER_NAME = RateLimitItemPerMinute(10, 15)
PER_ADDRESS = RateLimitItemPerMinute(50, 15)
"""More than one person needs; a school behind one address signs in too."""

Answer = TypeVar("Answer")


class SignInLimits:
    """One per process."""

    def __init__(self, redis_url: str) -> None:
        self._shared = MovingWindowRateLimiter(redis_counters(redis_url))
        self._own = MovingWindowRateLimiter(MemoryStorage())

    async def require_room(self, name: str, address: Address) -> None:
        """Let pass who may still try to sign in with `name`.

        Raises:
            TooManyAttemptsError: it has failed too often.
        """
        for item, counted in _names(name, address):
            if not await self._has_room(item, counted):
                raise await self._refusal(item, counted)

    async def note_failure(self, name: str, address: Address) -> None:
        """Count a failure.

        Raises:
            TooManyAttemptsError: it is one too many; then nothing is said about the password.
        """
        for item, counted in _names(name, address):
            if not await self._count(item, counted):
                raise await self._refusal(item, counted)

    async def forget(self, name: str) -> None:
        """Let the owner in again, who has just set a new password."""
        item, counted = _names(name, None)[0]
        await self._ask(lambda limiter: limiter.clear(item, counted))

    async def _has_room(self, item: RateLimitItemPerMinute, counted: str) -> bool:
        return await self._ask(lambda limiter: limiter.test(item, counted))

    async def _count(self, item: RateLimitItemPerMinute, counted: str) -> bool:
        return await self._ask(lambda limiter: limiter.hit(item, counted))

    async def _refusal(self, item: RateLimitItemPerMinute, counted: str) -> TooManyAttemptsError:
        stats = await self._ask(lambda limiter: limiter.get_window_stats(item, counted))
        return TooManyAttemptsError(retry_after_seconds=max(1, int(stats.reset_time - time.time()) + 1))

    async def _ask(self, question: Callable[[MovingWindowRateLimiter], Awaitable[Answer]]) -> Answer:
        """The answer of the counters in Redis, or of our own while it is away or refuses."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await question(self._shared)
        except (RedisError, TimeoutError, OSError) as error:
            logger.warning("Failed sign-ins are counted by each process for itself: %r", error)
            return await question(self._own)


def _names(name: str, address: Address) -> list[tuple[RateLimitItemPerMinute, str]]:
    """What is counted, under names from which nobody gets an e-mail back by reading Redis."""
    return [
        (PER_NAME, "sign-in:name:" + sha256(name.lower().encode("utf-8", "replace")).hexdigest()),
        (PER_ADDRESS, f"sign-in:address:{client_name(address)}"),
    ]
