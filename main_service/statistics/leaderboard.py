"""The public entries that most people visit.

They are ranked by the different visitors of each day, so one client that comes a thousand times counts once. A task
ranks them every minute and leaves the first in Redis; whether each may still be shown is asked of PostgreSQL for each
request, so what was made private or has ended is gone at once.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal, cast

from redis.asyncio import Redis

from main_service.engines.postgres import Session
from main_service.engines.redis import RedisClient, RedisUnavailableError
from main_service.entries.entry import LiveEntry
from main_service.errors import NotFoundError, SignInRequiredError
from main_service.statistics import storage
from main_service.statistics.storage import Ranked

logger = logging.getLogger(__name__)

SHOWN = 100
RANKED = 1_000
"""More than are shown, because some will not be public any more."""
RANKING_LIFETIME = timedelta(minutes=10)
"""A ranking that was not made anew for so long is none."""
_EMPTY_FOR = timedelta(seconds=10)
"""So often at most an empty ranking is made anew for a reader: with so few visits the first one is waited for, and a
site without public entries must not be ranked by each request."""
_AT_ONCE = 200

Audience = Literal["everyone", "users", "off"]


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
    visitors: int
    """Different people of each day of UTC, summed up."""
    visits: int


class Leaderboard:
    def __init__(self, *, session: Session, redis: RedisClient, audience: Audience) -> None:
        self._session = session
        self._redis = redis
        self._audience = audience

    async def list_top(self, period: Period, *, is_user: bool) -> list[Place]:
        """At most `SHOWN` entries that are public and live now, most visited first. `is_user`: who asks is signed in.

        Raises:
            NotFoundError: the service shows no leaderboard.
            SignInRequiredError: it shows it to users only.
        """
        if self._audience == "off":
            raise NotFoundError
        if self._audience == "users" and not is_user:
            raise SignInRequiredError
        ranking = await self._find(period)
        if ranking is None:
            ranking = await self._rank(period)
        elif not ranking and await self._claim_empty(period):
            ranking = await self._rank(period)
            await self._try_to_write(period, ranking)
        places: list[Place] = []
        for start in range(0, len(ranking), _AT_ONCE):
            places += await self._list_places(ranking[start : start + _AT_ONCE])
            if len(places) >= SHOWN:
                break
        return places[:SHOWN]

    async def rewrite(self, period: Period) -> int:
        """Rank anew; return how many are ranked.

        Raises:
            RedisUnavailableError: the old ranking stays.
        """
        ranking = await self._rank(period)
        await self._write(period, ranking)
        return len(ranking)

    async def _try_to_write(self, period: Period, ranking: Sequence[Ranked]) -> None:
        try:
            await self._write(period, ranking)
        except RedisUnavailableError as error:
            logger.warning("A ranking was not kept: %s", error)

    async def _write(self, period: Period, ranking: Sequence[Ranked]) -> None:
        async def write(redis: Redis) -> None:
            await redis.set(_name(period), json.dumps(ranking), ex=RANKING_LIFETIME)

        await self._redis.call(write)

    async def _rank(self, period: Period) -> list[Ranked]:
        since = storage.hours_back(datetime.now(UTC), period.span)
        return await storage.rank_public(self._session, since=since, limit=RANKED)

    async def _find(self, period: Period) -> list[Ranked] | None:
        """The ranking in Redis; None if there is none."""

        async def read(redis: Redis) -> list[Ranked] | None:
            found = cast("bytes | None", await redis.get(_name(period)))
            return None if found is None else [Ranked(*each) for each in json.loads(found)]

        try:
            return await self._redis.call(read)
        except RedisUnavailableError as error:
            logger.warning("No ranking to read: %s", error)
            return None

    async def _claim_empty(self, period: Period) -> bool:
        """Whether this reader makes the empty ranking anew, for all who ask within `_EMPTY_FOR`."""

        async def claim(redis: Redis) -> bool:
            return bool(await redis.set(f"{_name(period)}:again", b"", nx=True, ex=_EMPTY_FOR))

        try:
            return await self._redis.call(claim)
        except RedisUnavailableError:
            return False

    async def _list_places(self, ranking: Sequence[Ranked]) -> list[Place]:
        entries = await storage.list_public(self._session, [each.key for each in ranking])
        return [Place(entries[key], visitors, visits) for key, visitors, visits in ranking if key in entries]


def _name(period: Period) -> str:
    return f"ranking:{{0}}:{period}"
