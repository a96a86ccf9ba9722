"""The client of Redis, which may be away: every call is bounded, and a circuit breaker follows each failure."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import BusyLoadingError, ClusterDownError, MovedError, ReadOnlyError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from main_service.monitoring.metrics import PART_FAILURES
from main_service.monitoring.tallies import PART_CALLS

logger = logging.getLogger(__name__)

CALL_SECONDS = 2.0
"""How long connecting, sending and the reply may take together; redis-py only bounds each of them."""
OPEN_SECONDS = 2.0
"""How long the circuit breaker stays open, so that not every step of every request waits for a Redis that hangs."""

NOT_SERVING = ("READONLY", "LOADING", "MOVED", "CLUSTERDOWN", "MASTERDOWN")
"""The beginnings of errors by which a server refuses to serve at all. By the next call another server may have this
address, so the client reconnects."""
NOT_SERVING_ERRORS = (ReadOnlyError, BusyLoadingError, MovedError, ClusterDownError)
"""The same as redis-py's exceptions; MasterDownError is a ClusterDownError there."""

Reply = TypeVar("Reply")


class RedisUnavailableError(Exception):
    """Redis can't be reached, does not answer in time, refuses, or what it says can't be understood."""


class RedisClient:
    """Runs commands behind a circuit breaker; one per process.

    It logs once that Redis fails, and once that it is back: callers need not.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._open_until = 0.0
        self._is_failing = False

    @property
    def is_open(self) -> bool:
        """Whether the circuit breaker is open: calls fail at once."""
        return time.monotonic() < self._open_until

    def trip(self) -> None:
        """Open the circuit breaker for `OPEN_SECONDS`. For callers that found Redis too slow in another way."""
        self._open_until = time.monotonic() + OPEN_SECONDS

    async def call(self, command: Callable[[Redis], Awaitable[Reply]], *, bypass_breaker: bool = False) -> Reply:
        """The reply to `command`, within `CALL_SECONDS`.

        Raises:
            RedisUnavailableError: there is none; at once while the circuit breaker is open, unless `bypass_breaker`.
        """
        if self.is_open and not bypass_breaker:
            raise RedisUnavailableError("Redis has just failed; the circuit breaker is open")
        began_at = time.perf_counter()
        try:
            async with asyncio.timeout(CALL_SECONDS):
                reply = await command(self._redis)
        except NOT_SERVING_ERRORS as error:
            self.trip()
            await self._redis.connection_pool.disconnect(inuse_connections=False)
            raise self._failed(f"Redis does not serve: {error!r} {error}") from error
        except (RedisConnectionError, RedisTimeoutError, TimeoutError) as error:
            self.trip()
            raise self._failed(f"Redis does not answer: {error!r}") from error
        except RedisError as error:
            raise self._failed(f"Redis refuses: {error}") from error
        except Exception as error:
            # A client in a broken state, an invalid reply, or a bug of ours. In any case, callers go on without Redis.
            if not self._is_failing:
                logger.exception("The client of Redis fails")
            raise self._failed(f"Redis can't be asked: {error!r}") from error
        finally:
            PART_CALLS["redis"].add(time.perf_counter() - began_at)
        if self._is_failing:
            self._is_failing = False
            logger.warning("Redis answers again")
        return reply

    def _failed(self, what: str) -> RedisUnavailableError:
        PART_FAILURES.labels("redis").inc()
        if not self._is_failing:
            self._is_failing = True
            logger.warning("%s; what can goes on without it", what)
        return RedisUnavailableError(what)
