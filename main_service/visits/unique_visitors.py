"""Estimates how many different people visited an entry on a day, by a HyperLogLog in Redis: it lists no visitors."""

import logging
from collections.abc import Collection, Mapping
from datetime import date, timedelta

from redis.asyncio import Redis

from main_service.engines.redis import NOT_SERVING_ERRORS, RedisClient

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=8)
_AT_ONCE = 1_000

KeyDay = tuple[str, date]


class UniqueVisitors:
    """The HyperLogLogs of the last days."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def add(self, seen: Mapping[KeyDay, Collection[str]]) -> dict[KeyDay, int]:
        """Add visitors to those of their entry and day; return the new estimates. Can be repeated.

        If Redis has no memory for more, the estimates stay as they are, because visits must leave the stream anyway.

        Raises:
            RedisUnavailableError: some may have been added.
        """
        days = list(seen)
        counts: dict[KeyDay, int] = {}
        for start in range(0, len(days), _AT_ONCE):
            some = days[start : start + _AT_ONCE]
            counts.update(zip(some, await self._add({day: seen[day] for day in some}), strict=True))
        return counts

    async def _add(self, seen: Mapping[KeyDay, Collection[str]]) -> list[int]:
        async def add_and_count(redis: Redis) -> list[object]:
            async with redis.pipeline(transaction=False) as pipe:
                for (key, day), visitors in seen.items():
                    name = f"visitors:{{0}}:{key}:{day}"
                    pipe.pfadd(name, *visitors)
                    pipe.expire(name, KEPT_FOR)
                    pipe.pfcount(name)
                answers: list[object] = await pipe.execute(raise_on_error=False)
            for answer in answers:
                if isinstance(answer, NOT_SERVING_ERRORS):
                    raise answer
            return answers

        answers = await self._redis.call(add_and_count)
        refusals = [answer for answer in answers if isinstance(answer, Exception)]
        if refusals:
            logger.warning("%d figures of visitors are too low: %s", len(refusals), refusals[0])
        return [answer if isinstance(answer, int) else 0 for answer in answers[2::3]]
