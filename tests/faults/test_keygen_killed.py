"""`kill -9` of keygen's worker while it fills a pool: the next run takes over and fills it to exactly its size."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from keygen_service.pool import LOCK_NAME, LOCK_SECONDS
from tests.support.engines import Environment
from tests.support.gates import Gated
from tests.support.workers import keygen_worker

POOL_SIZE = 25_000
COMMANDS_BEFORE_KILL = 15
"""A command adds 1,000 keys, so that filling the first pool takes 25."""


@pytest.fixture
def keygen_environment(gated: Gated) -> Environment:
    """Databases of Redis in which no other worker fills pools."""
    return gated.environment | {
        "KEYGEN_REDIS_URL": gated.environment["KEYGEN_REDIS_URL"].replace("db=0", "db=9"),
        "KEYGEN_BROKER_URL": gated.environment["KEYGEN_BROKER_URL"].replace("virtual_host=1", "virtual_host=10"),
        "KEYGEN_POOL_SIZE": str(POOL_SIZE),
    }


@pytest.fixture
def pools(keygen_environment: Environment) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(keygen_environment["KEYGEN_REDIS_URL"], decode_responses=True) as connection:
        connection.flushdb()
        yield connection


def test_pool_half_filled_by_a_dead_worker_is_filled_to_its_size_by_the_next(
    gated: Gated, keygen_environment: Environment, pools: redis.Redis, tmp_path: Path
) -> None:
    said = (b"SCARD", *[b"SADD"] * COMMANDS_BEFORE_KILL)
    with (
        gated.valkey.stop_at(*said, hold="request") as stop,
        keygen_worker(keygen_environment, tmp_path / "first.log") as first,
    ):
        stop.wait()
        first.kill()
    half = pools.scard("keys:link")
    assert 0 < half < POOL_SIZE
    assert 0 < pools.pttl(LOCK_NAME) <= LOCK_SECONDS * 1000, "the dead worker's lock must end by itself"
    taken = set(pools.spop("keys:link", 100))

    # The rest of its time passes.
    pools.pexpire(LOCK_NAME, 1)
    with keygen_worker(keygen_environment, tmp_path / "second.log") as second:
        second.wait_for(f"Added keys: {POOL_SIZE - half + len(taken)} to keys:link, {POOL_SIZE} to keys:paste")

    assert (pools.scard("keys:link"), pools.scard("keys:paste")) == (POOL_SIZE, POOL_SIZE)
    assert {len(key) for key in pools.smembers("keys:link")} == {7}
    assert taken.isdisjoint(pools.smembers("keys:link"))
    assert pools.ttl("keys:link") == -1
    assert pools.get(LOCK_NAME) is None
