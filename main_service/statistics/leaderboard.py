"""The leaderboard: the public entries that most people visit.

They are ranked by the different visitors of each day, so one client that comes a thousand times counts once. A task
ranks them every minute and stores the first in Redis. Each request checks in PostgreSQL whether they may still be
shown, so an entry that was made private or has ended disappears at once.
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
from main_service.statistics.storage import RankedKey

logger = logging.getLogger(__name__)

SHOWN = 100
RANKED = 1_000
"""More than are shown, because some may no longer be public by then."""
RANKING_LIFETIME = timedelta(minutes=10)
"""How long a ranking is kept in Redis if it is not replaced."""
_EMPTY_FOR = timedelta(seconds=10)
"""While the ranking is empty, requests rank again at most this often: the first entry of a new site should appear soon,
but a site without public entries must not rank with each request."""
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
class Rank:
    """An entry of the leaderboard, in its order."""

    entry: LiveEntry
    visitors: int
    """Different people of each day of UTC, summed up over the days."""
    visits: int


class Leaderboard:
    """Reads and writes the rankings."""

    def __init__(self, *, session: Session, redis: RedisClient, audience: Audience) -> None:
        self._session = session
        self._redis = redis
        self._audience = audience

    async def list_top(self, period: Period, *, is_user: bool) -> list[Rank]:
        """At most `SHOWN` entries that are public and live now, most visitors first. `is_user`: of a signed-in client.

        Raises:
            NotFoundError: this installation shows no leaderboard.
            SignInRequiredError: it shows the leaderboard to users only.
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
        ranks: list[Rank] = []
        for start in range(0, len(ranking), _AT_ONCE):
            ranks += await self._list_ranks(ranking[start : start + _AT_ONCE])
            if len(ranks) >= SHOWN:
                break
        return ranks[:SHOWN]

    async def rewrite(self, period: Period) -> int:
        """Replace the ranking in Redis; return how many entries it has.

        Raises:
            RedisUnavailableError: the old ranking stays.
        """
        ranking = await self._rank(period)
        await self._write(period, ranking)
        return len(ranking)

    async def _try_to_write(self, period: Period, ranking: Sequence[RankedKey]) -> None:
        try:
            await self._write(period, ranking)
        except RedisUnavailableError as error:
            logger.warning("A ranking was not kept: %s", error)

    async def _write(self, period: Period, ranking: Sequence[RankedKey]) -> None:
        async def write(redis: Redis) -> None:
            await redis.set(_name(period), json.dumps(ranking), ex=RANKING_LIFETIME)

        await self._redis.call(write)

    async def _rank(self, period: Period) -> list[RankedKey]:
        since = storage.hours_back(datetime.now(UTC), period.span)
        return await storage.rank_public(self._session, since=since, limit=RANKED)

    async def _find(self, period: Period) -> list[RankedKey] | None:
        """The ranking in Redis; None if there is none."""

        async def read(redis: Redis) -> list[RankedKey] | None:
            found = cast("bytes | None", await redis.get(_name(period)))
            return None if found is None else [RankedKey(*each) for each in json.loads(found)]

        try:
            return await self._redis.call(read)
        except RedisUnavailableError as error:
            logger.warning("No ranking to read: %s", error)
            return None

    async def _claim_empty(self, period: Period) -> bool:
        """Whether this request ranks again, for all requests within `_EMPTY_FOR`."""

        async def claim(redis: Redis) -> bool:
            return bool(await redis.set(f"{_name(period)}:again", b"", nx=True, ex=_EMPTY_FOR))

        try:
            return await self._redis.call(claim)
        except RedisUnavailableError:
            return False

    async def _list_ranks(self, ranking: Sequence[RankedKey]) -> list[Rank]:
        entries = await storage.list_public(self._session, [each.key for each in ranking])
        return [Rank(entries[key], visitors, visits) for key, visitors, visits in ranking if key in entries]


def _name(period: Period) -> str:
    return f"ranking:{{0}}:{period}"
