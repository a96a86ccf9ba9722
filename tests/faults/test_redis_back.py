"""A change made while Redis is away is seen by every process soon after its return, however long that took.

Within 10 s on a machine that keeps up; how long it took is printed, as a test can't ask that of a busy one.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from threading import Event

import httpx
import pytest
import redis

from main_service.entries.cache import HEAD_START
from tests.support.engines import Environment, running_engines, temporary_folder
from tests.support.entries import create_link, manage_headers
from tests.support.gates import Gated, gated_engines
from tests.support.waiting import eventually
from tests.support.web import WebServer
from tests.support.workers import CeleryProcess, main_beat, main_worker

LONG_AWAY_SECONDS = 31.0
"""Long enough for a client that tries again less and less often to miss the return."""
NEW_URL = "https://new.example/"


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    """Engines of its own: the beat's rounds would also replay what other tests have broken on purpose."""
    with temporary_folder() as folder, running_engines(folder) as settings:
        yield settings


@pytest.fixture(scope="module")
def gated_reader(gated: Gated) -> Iterator[WebServer]:
    """A process that does not learn of a change but through Redis."""
    with WebServer(gated.environment) as server:
        yield server


@contextmanager
def kept_running(start: Callable[[], AbstractContextManager[CeleryProcess]]) -> Iterator[None]:
    """Start another when one has ended, as the launcher does: Celery ends when it can't deal with the way in which its
    broker went."""
    ending = Event()

    def keep() -> None:
        while not ending.is_set():
            with start() as started:
                while started.process.poll() is None and not ending.wait(0.1):
                    pass

    with ThreadPoolExecutor(1) as pool:
        keeping = pool.submit(keep)
        try:
            yield
        finally:
            ending.set()
            keeping.result()


@pytest.fixture(scope="module")
def worker_and_beat(gated: Gated) -> Iterator[None]:
    """Both behind the same gate: their broker is the same Redis."""
    with temporary_folder() as folder:
        log = folder / "worker.log"
        with (
            kept_running(lambda: main_worker(gated.environment, log)),
            kept_running(lambda: main_beat(gated.environment, folder)),
        ):
            eventually(lambda: log.exists() and "ready" in log.read_text(), "a worker")
            yield


def cached_link(reader: WebServer, valkey: redis.Redis) -> dict[str, str]:
    link = create_link(reader.client)

    def is_cached() -> bool:
        assert reader.client.get(f"/{link['key']}").status_code == 302
        # Without its head it is only the tombstone of a reader who is about to cache the entry.
        return (valkey.get(cache_key(link)) or "").startswith(HEAD_START)

    # Shortly after a failure the reader leaves Redis alone and caches nothing.
    eventually(is_cached, "a cached entry")
    return link


def cache_key(link: dict[str, str]) -> str:
    return f"entry:{{0}}:{link['key']}"


def change(client: httpx.Client, link: dict[str, str]) -> None:
    response = client.patch(
        f"/api/v1/entries/{link['key']}", json={"original_url": NEW_URL}, headers=manage_headers(link)
    )
    assert response.status_code == 200


def wait_until_seen(valkey: redis.Redis, link: dict[str, str], old_cached: str, *, since: float) -> None:
    """A reader might pass by Redis for a moment, so what Redis would tell it counts."""
    eventually(lambda: valkey.get(cache_key(link)) != old_cached, "a new cached entry")
    print(f"seen after {time.monotonic() - since:.1f} s")


@pytest.mark.parametrize("manner", ["refusing", "hanging"])
def test_change_and_deletion_are_seen_after_redis_has_been_away_for_all(
    gated: Gated, gated_reader: WebServer, worker_and_beat: None, valkey: redis.Redis, manner: str
) -> None:
    link, deleted = cached_link(gated_reader, valkey), cached_link(gated_reader, valkey)
    old_cached, deleted_cached = valkey.get(cache_key(link)), valkey.get(cache_key(deleted))
    away_for = LONG_AWAY_SECONDS if manner == "refusing" else 0.0

    with gated.valkey.refusing() if manner == "refusing" else gated.valkey.hanging():
        gone_at = time.monotonic()
        change(gated_reader.client, link)
        assert (
            gated_reader.client.delete(f"/api/v1/entries/{deleted['key']}", headers=manage_headers(deleted)).status_code
            == 204
        )
        while time.monotonic() - gone_at < away_for:
            assert gated_reader.client.get(f"/{link['key']}").headers["location"] == NEW_URL
            time.sleep(0.5)
        assert valkey.get(cache_key(link)) == old_cached, "nothing was at stake"
    back_at = time.monotonic()

    wait_until_seen(valkey, link, old_cached, since=back_at)
    wait_until_seen(valkey, deleted, deleted_cached, since=back_at)
    assert gated_reader.client.get(f"/{link['key']}").headers["location"] == NEW_URL
    assert gated_reader.client.get(f"/{deleted['key']}").status_code == 410


def test_change_by_a_process_that_alone_has_lost_redis_is_seen(
    gated: Gated, environment: Environment, gated_reader: WebServer, worker_and_beat: None, valkey: redis.Redis
) -> None:
    with gated_engines(environment) as lonely, WebServer(lonely.environment) as changer:
        link = cached_link(gated_reader, valkey)
        old_cached = valkey.get(cache_key(link))
        with lonely.valkey.refusing():
            change(changer.client, link)
            wait_until_seen(valkey, link, old_cached, since=time.monotonic())
        assert gated_reader.client.get(f"/{link['key']}").headers["location"] == NEW_URL
