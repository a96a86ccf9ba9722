"""The pools of ready keys, on a real Redis."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from keygen_service.alphabet import ALPHABET, draw_keys
from keygen_service.pool import LOCK_NAME, POOLS, KeyPools, connect
from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full


@pytest.fixture
def own_url(environment: Environment) -> str:
    """A Redis database that is empty before each of these tests and after it."""
    return environment["KEYGEN_REDIS_URL"].replace("db=0", "db=8")


@pytest.fixture
def own_redis(own_url: str) -> Iterator[redis.Redis]:
    with connect(own_url) as connection:
        connection.flushdb()
        yield connection
        # Tests of containers use it, too, and the lock of one of these would keep their worker from its pools.
        connection.flushdb()


def test_drawn_keys_have_the_length_and_letters_of_base58() -> None:
    keys = draw_keys(5_000, length=7)

    assert len(keys) == 5_000
    assert {len(key) for key in keys} == {7}
    assert set("".join(keys)) == set(ALPHABET)
    assert not set("0OIl") & set(ALPHABET)
    assert len(ALPHABET) == 58


def test_every_letter_is_equally_likely() -> None:
    """Chi-squared with 57 degrees of freedom stays below 130 but for one run in ten million."""
    counts = Counter("".join(draw_keys(58_000, length=10)))

    expected = 580_000 / 58
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 130


def test_top_up_fills_each_pool_to_its_size(own_redis: redis.Redis) -> None:
    pools = KeyPools(own_redis, pool_size=2_500)

    assert pools.top_up() == {"keys:link": 2_500, "keys:paste": 2_500}
    assert pools.depths() == {"keys:link": 2_500, "keys:paste": 2_500}
    own_redis.spop("keys:link", 700)
    assert pools.top_up() == {"keys:link": 700, "keys:paste": 0}
    for pool in POOLS:
        assert {len(key) for key in own_redis.smembers(pool.name)} == {pool.key_length}
        assert own_redis.ttl(pool.name) == -1


def test_one_run_at_a_time(own_redis: redis.Redis) -> None:
    own_redis.set(LOCK_NAME, "another run", px=600_000)

    assert KeyPools(own_redis, pool_size=10).top_up() == {}
    assert own_redis.exists("keys:link") == 0


def test_lock_of_a_killed_run_does_not_last(own_redis: redis.Redis, own_url: str) -> None:
    """Seen while a run is at work: its lock has an end of its own."""
    lifetimes: set[int] = set()

    def fill() -> None:
        with connect(own_url) as connection:
            KeyPools(connection, pool_size=200_000).top_up()

    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(fill)
        while not run.done():
            if (lifetime := own_redis.ttl(LOCK_NAME)) != -2:
                lifetimes.add(lifetime)
        run.result()

    assert lifetimes
    assert all(0 < lifetime <= 30 for lifetime in lifetimes)
    assert own_redis.exists(LOCK_NAME) == 0


def test_two_runs_at_once_never_overfill(own_redis: redis.Redis, own_url: str) -> None:
    def run(_: int) -> None:
        with connect(own_url) as connection:
            KeyPools(connection, pool_size=3_000).top_up()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(run, range(4)))

    assert KeyPools(own_redis, pool_size=3_000).depths() == {"keys:link": 3_000, "keys:paste": 3_000}


def test_status_prints_the_depth_of_each_pool(own_redis: redis.Redis, own_url: str, environment: Environment) -> None:
    KeyPools(own_redis, pool_size=5).top_up()

    done = status(environment | {"KEYGEN_REDIS_URL": own_url, "KEYGEN_POOL_SIZE": "50"})

    assert (done.returncode, done.stdout) == (0, "keys:link 5 of 50\nkeys:paste 5 of 50\n")


def test_status_without_redis_says_so(environment: Environment) -> None:
    done = status(environment | {"KEYGEN_REDIS_URL": "redis://127.0.0.1:1/0"})

    assert done.returncode == 1
    assert done.stderr.startswith("Redis does not answer")


def test_status_without_settings_names_them() -> None:
    done = status({})

    assert done.returncode == 1
    assert "KEYGEN_REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr


def status(environment: Environment) -> "subprocess.CompletedProcess[str]":
    return forking.run_text("-m", "keygen_service", "status", environment=full(environment), timeout=START_SECONDS)
