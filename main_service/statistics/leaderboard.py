"""The public entries that most people visit.

A task ranks them every minute and leaves the first in Redis; whether each may still be shown is asked of PostgreSQL
when somebody looks, so what was made private or has ended is gone at once.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import cast

from redis.asyncio import Redis

from main_service.engines.postgres import Session
from main_service.engines.redis import CarefulRedis, RedisAwayError
from main_service.entries.entry import LiveEntry
from main_service.statistics import storage

logger = logging.getLogger(__name__)

SHOWN = 100
RANKED = 1_000
"""More than are shown, because some will not be public any more."""
RANKING_LIFETIME = timedelta(minutes=10)
"""A ranking that nobody has made anew for so long is none."""
_AT_ONCE = 200
_NOBODY = ""
"""Stands in every ranking, for a sorted set without members would not be there. No entry has this key."""


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def span(self) -> timedelta:
        return {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}[self]


@dataclass(frozen=True)
class Place:
    entry: LiveEntry
    visits: int


class Leaderboard:
    def __init__(self, *, session: Session, redis: CarefulRedis) -> None:
        self._session = session
        self._redis = redis

    async def list_top(self, period: Period) -> list[Place]:
        """At most `SHOWN` entries that are public and live now, most visited first."""
        ranking = await self._find(period)
        if ranking is None:
            ranking = await self._rank(period)
        places: list[Place] = []
        for start in range(0, len(ranking), _AT_ONCE):
            places += await self._places(ranking[start : start + _AT_ONCE])
            if len(places) >= SHOWN:
                break
        return places[:SHOWN]

    async def rewrite(self, period: Period) -> int:
        """Rank anew; return how many are ranked.

        Raises:
            RedisAwayError: the old ranking stays.
        """
        ranking = await self._rank(period)

        async def write(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=True)
            pipeline.delete(_name(period))
            pipeline.zadd(_name(period), {_NOBODY: 0, **dict(ranking)})
            pipeline.expire(_name(period), RANKING_LIFETIME)
            await pipeline.execute()

        await self._redis.ask(write)
        return len(ranking)

    async def _rank(self, period: Period) -> list[tuple[str, int]]:
        since = storage.hours_back(datetime.now(UTC), period.span)
        return await storage.rank_public(self._session, since=since, limit=RANKED)

    async def _find(self, period: Period) -> list[tuple[str, int]] | None:
        """The ranking in Redis; None if there is none."""

        async def read(redis: Redis) -> list[tuple[bytes, float]]:
            return cast(
                "list[tuple[bytes, float]]", await redis.zrange(_name(period), 0, -1, desc=True, withscores=True)
            )

        try:
            found = await self._redis.ask(read)
        except RedisAwayError as error:
            logger.warning("No ranking to read: %s", error)
            return None
        if not found:
            return None
        ranking = [(key.decode(), int(visits)) for key, visits in found if key]
        return sorted(ranking, key=lambda each: (-each[1], each[0]))

    async def _places(self, ranking: Sequence[tuple[str, int]]) -> list[Place]:
        entries = await storage.list_public(self._session, [key for key, _ in ranking])
        return [Place(entries[key], visits) for key, visits in ranking if key in entries]


def _name(period: Period) -> str:
    return f"top:{{0}}:{period}"
