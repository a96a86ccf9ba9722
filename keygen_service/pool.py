"""The pools of ready keys: the Redis sets `keys:link` and `keys:paste`.

Their names, key lengths and alphabet are the whole contract with main_service, which takes keys by SPOP.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import LockError
from redis.retry import Retry

from keygen_service.alphabet import draw_keys


@dataclass(frozen=True)
class Pool:
    name: str
    key_length: int


POOLS = (Pool("keys:link", 7), Pool("keys:paste", 11))

KEYS_PER_COMMAND = 1_000
COMMANDS_PER_PIPELINE = 10
LOCK_NAME = "keys:top_up"
LOCK_SECONDS = 30
"""When the lock of a killed process expires; a full top-up takes about a second."""


class KeyPools:
    def __init__(self, redis: Redis, *, pool_size: int) -> None:
        self._redis = redis
        self._pool_size = pool_size

    def depths(self) -> dict[str, int]:
        """The number of ready keys by pool name.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        return {pool.name: int(self._redis.scard(pool.name)) for pool in POOLS}

    def top_up(self) -> dict[str, int]:
        """Fill each pool up to `pool_size`; return how many were added by pool name, none beside another run.

        A run that is killed leaves some of the keys, all of them valid.

        Raises:
            redis.RedisError: Redis does not answer or refuses (for example, its memory is full).
        """
        lock = self._redis.lock(LOCK_NAME, timeout=LOCK_SECONDS, blocking=False)
        if not lock.acquire():
            return {}
        try:
            return {pool.name: self._fill(pool) for pool in POOLS}
        finally:
            try:
                lock.release()
            except LockError:
                # The lock expired because Redis was slow. Two runs at once only draw a few keys too many.
                pass

    def _fill(self, pool: Pool) -> int:
        added = 0
        # SADD drops repeated keys, so the depth is read again until it is reached.
        while (missing := self._pool_size - int(self._redis.scard(pool.name))) > 0:
            for batch in _portions(missing, KEYS_PER_COMMAND * COMMANDS_PER_PIPELINE):
                pipeline = self._redis.pipeline(transaction=False)
                for count in _portions(batch, KEYS_PER_COMMAND):
                    pipeline.sadd(pool.name, *draw_keys(count, length=pool.key_length))
                added += sum(pipeline.execute())
        return added


def connect(redis_url: str) -> Redis:
    """A client that gives up after 5 s; no connection is made yet."""
    return Redis.from_url(
        redis_url,
        socket_timeout=5,
        socket_connect_timeout=2,
        retry=Retry(NoBackoff(), 1),
        decode_responses=True,
    )


def _portions(total: int, largest: int) -> Iterator[int]:
    """Split `total` into numbers of at most `largest`."""
    while total > 0:
        yield min(total, largest)
        total -= largest
