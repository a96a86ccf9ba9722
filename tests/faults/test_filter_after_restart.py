"""The membership filter when Redis is killed while entries are made: it is rebuilt, and no used key is refused."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from main_service.keys.filter_rebuild import LONGEST_CREATE
from tests.support.engines import Environment, running_engines, temporary_folder
from tests.support.entries import new_alias
from tests.support.key_filter import REGISTRY, bitmap_name, open_filter, without_postgres
from tests.support.load import CreatingClients
from tests.support.waiting import eventually_async
from tests.support.web import WebServer
from tests.support.workers import SLOW_QUEUE, main_beat, main_worker

WAIT_SECONDS = 120.0
PAUSE_SECONDS = 0.1
ENOUGH = 100


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[Environment]:
    """Engines of its own, one of which is killed."""
    with running_engines(folder) as settings:
        yield settings


async def wait_for_bit(valkey: redis.Redis, value: int) -> None:
    """Wait until the bitmap of this run of Valkey says that it is complete (1), or that it is not (0)."""

    def has_value() -> bool:
        try:
            run_id = valkey.info("server")["run_id"]
            is_there = any(run_id in name for name in valkey.hkeys(REGISTRY))
            return is_there and valkey.getbit(bitmap_name(valkey), 0) == value
        except redis.RedisError:
            return False

    await eventually_async(has_value, f"a first bit that is {value}", seconds=WAIT_SECONDS)


async def test_no_used_key_is_refused_across_a_restart_of_redis_with_creates_going_on(
    environment: Environment, folder: Path, tmp_path: Path
) -> None:
    with (
        WebServer(environment) as web,
        WebServer(environment) as reader,
        WebServer(without_postgres(environment)) as cut_off,
        main_worker(environment, tmp_path / "worker.log", kind=SLOW_QUEUE) as worker,
        main_beat(environment, tmp_path),
        redis.Redis.from_url(environment["MAIN_REDIS_URL"], decode_responses=True) as valkey,
    ):
        worker.wait_for("ready")
        async with open_filter(environment) as known:
            await known.rebuild()
        crowd = CreatingClients(web, reader, pause_seconds=PAUSE_SECONDS)
        with crowd:
            await crowd.wait_for(ENOUGH)
            assert cut_off.client.get(f"/{new_alias()}").status_code == 404
            killed_at = time.monotonic()
            psutil.Process(int((folder / "data/run/valkey.pid").read_text().split()[0])).kill()
            await wait_for_bit(valkey, 0)
            await crowd.wait_for(len(crowd.found) + ENOUGH)
            await wait_for_bit(valkey, 1)
            assert time.monotonic() - killed_at > LONGEST_CREATE.total_seconds()
            print(f"complete after {time.monotonic() - killed_at:.0f} s")
            await crowd.wait_for(len(crowd.found) + ENOUGH)
        assert crowd.lost == []
        assert cut_off.client.get(f"/{new_alias()}").status_code == 404
        async with open_filter(environment) as known:
            assert not any([await known.resources.key_filter.is_surely_unused(key) for key in crowd.found])
