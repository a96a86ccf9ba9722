"""Redis as something that may be away: every answer is bounded, and after a failure it is left alone for a while."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ClusterDownError, MovedError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 2.0
"""For connecting, asking and answering together; redis-py bounds each of them alone."""
PAUSE_SECONDS = 2.0
"""So that neither the steps of a request nor a crowd of them wait for a Redis that hangs one after another."""

NOT_SERVING = ("READONLY", "LOADING", "MOVED", "CLUSTERDOWN", "MASTERDOWN")
"""How errors begin that say: not this server, or not now. Another one may serve at the same address by then, so who
hears them connects anew."""
NOT_SERVING_ERRORS = (ReadOnlyError, BusyLoadingError, MovedError, ClusterDownError)
"""The same as redis-py has them; a master that is down is a kind of cluster that is down."""

Answer = TypeVar("Answer")


class RedisAwayError(Exception):
    """Redis can't be reached, does not answer in time, refuses, or what it says can't be understood."""


class CarefulRedis:
    """One per process. It says once that Redis fails, and once that it is back: who asks need not."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._ask_again_at = 0.0
        self._is_failing = False

    @property
    def is_left_alone(self) -> bool:
        return time.monotonic() < self._ask_again_at

    def leave_alone(self) -> None:
        """For a moment, because it was too slow for somebody who asks in another way."""
        self._ask_again_at = time.monotonic() + PAUSE_SECONDS

    async def ask(self, command: Callable[[Redis], Awaitable[Answer]], *, even_in_pause: bool = False) -> Answer:
        """The answer to `command`.

        Raises:
            RedisAwayError: there is none; at once during a pause, unless `even_in_pause`.
        """
        if self.is_left_alone and not even_in_pause:
            raise RedisAwayError("Redis has just failed and is left alone for a moment")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await command(self._redis)
        except NOT_SERVING_ERRORS as error:
            self.leave_alone()
            await self._redis.connection_pool.disconnect(inuse_connections=False)
            raise self._failed(f"Redis does not serve: {error!r} {error}") from error
        except (RedisConnectionError, RedisTimeoutError, TimeoutError) as error:
            self.leave_alone()
            raise self._failed(f"Redis does not answer: {error!r}") from error
        except RedisError as error:
            raise self._failed(f"Redis refuses: {error}") from error
        except Exception as error:
            # The client in a state that it should not be in, an answer that is none, or a bug of ours. Whichever it is,
            # what needs Redis goes on without it.
            if not self._is_failing:
                logger.exception("The client of Redis fails")
            raise self._failed(f"Redis can't be asked: {error!r}") from error
        if self._is_failing:
            self._is_failing = False
            logger.warning("Redis answers again")
        return answer

    def _failed(self, what: str) -> RedisAwayError:
        if not self._is_failing:
            self._is_failing = True
            logger.warning("%s; what can goes on without it", what)
        return RedisAwayError(what)
