"""Each answered visitor is in the stream; and while Redis is away visits wait for it."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
import redis

from tests.support.engines import Environment, running_engines, temporary_folder, wait_for_valkey
from tests.support.entries import create_link, create_paste
from tests.support.gates import Gated
from tests.support.load import VisitingClients
from tests.support.raw_http import LoggedWebServer
from tests.support.visits import count_streamed_visits, wait_for_streamed_visits
from tests.support.waiting import eventually
from tests.support.web import WebServer

VISITORS = 8
WAIT_SECONDS = 60.0
LONGEST_SECONDS = 20.0
"""Much more than it should take, for a machine that is busy; without a time-out it would be 30 s."""
TRIES = 10


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[Environment]:
    """Engines of its own, which are killed, stopped and starved."""
    with running_engines(folder) as settings:
        yield settings


@pytest.fixture(scope="module")
def web(gated: Gated) -> Iterator[WebServer]:
    with WebServer(gated.environment) as server:
        yield server


def valkey_server(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "data/run/valkey.pid").read_text().split()[0]))


@pytest.mark.parametrize("kind", ["link", "text"])
def test_visitor_is_not_answered_before_redis_has_the_visit(
    gated: Gated, valkey: "redis.Redis[str]", kind: str
) -> None:
    with LoggedWebServer(gated.environment) as web, ThreadPoolExecutor(1) as pool:
        for _ in range(TRIES):
            # Another one each time: the fast path, which says XADD in its script alone, would answer a second read.
            key = (create_link(web.client) if kind == "link" else create_paste(web.client))["key"]
            path, status = (f"/{key}", 302) if kind == "link" else (f"/{key}/raw", 200)
            given_up = times_given_up(web)
            with gated.valkey.stop_at(b"XADD", hold="request") as stop:
                answer: Future[httpx.Response] = pool.submit(web.client.get, path)
                stop.wait()
                wait([answer], timeout=0.2)
                is_early, recorded = answer.done(), count_streamed_visits(valkey, [key])
                stop.release()
                assert answer.result().status_code == status
            if times_given_up(web) == given_up:
                assert (is_early, recorded) == (False, {})
                assert count_streamed_visits(valkey, [key]) == {key: 1}
                return
            # On a machine this busy the visit was held for longer than Redis is waited for.
            wait_for_streamed_visits(valkey, Counter({key: 1}))
    raise AssertionError(f"Redis was not waited for {TRIES} times")


def times_given_up(web: LoggedWebServer) -> int:
    """How often requests that waited for Redis were answered without it."""
    return sum(web.log().count(words) for words in ("Redis takes no visits", "Readers are answered without a batch"))


@contextmanager
def standing_still(process: psutil.Process) -> Iterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


@contextmanager
def killed(process: psutil.Process) -> Iterator[None]:
    """The process is killed; the launcher starts it again."""
    process.kill()
    yield


@contextmanager
def starved(valkey: "redis.Redis[str]") -> Iterator[None]:
    """Redis refuses to store anything."""
    valkey.config_set("maxmemory", 1)
    try:
        yield
    finally:
        valkey.config_set("maxmemory", 0)


@pytest.mark.parametrize("manner", ["refusing", "hanging", "standing still", "killed", "out of memory"])
def test_visits_of_the_time_without_redis_are_in_the_stream_when_it_is_back(
    gated: Gated, web: WebServer, folder: Path, valkey: "redis.Redis[str]", manner: str
) -> None:
    faults: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "refusing": gated.valkey.refusing,
        "hanging": gated.valkey.hanging,
        "standing still": lambda: standing_still(valkey_server(folder)),
        "killed": lambda: killed(valkey_server(folder)),
        "out of memory": lambda: starved(valkey),
    }
    with VisitingClients(web, visitors=VISITORS) as crowd:
        crowd.wait_for_answers(50)
        with faults[manner]():
            crowd.wait_for_answers(200)
        crowd.wait_for_answers(100)
    wait_for_valkey(valkey)
    wait_for_streamed_visits(valkey, crowd.answered)
    assert crowd.lost == {}
    assert crowd.slowest_seconds < LONGEST_SECONDS
    print(f"{crowd.answered.total()} answers, the slowest after {crowd.slowest_seconds:.1f} s")


def test_visitors_do_not_wait_for_a_redis_that_has_no_room(web: WebServer, valkey: "redis.Redis[str]") -> None:
    link = create_link(web.client)
    with starved(valkey):
        began_at = time.monotonic()
        for _ in range(20):
            assert web.client.get(f"/{link['key']}").status_code == 302
        assert time.monotonic() - began_at < LONGEST_SECONDS
        assert count_streamed_visits(valkey, [link["key"]]) == {}
    wait_for_streamed_visits(valkey, Counter({link["key"]: 20}))


def test_no_more_visits_wait_than_the_operator_allows_and_the_log_says_so(
    gated: Gated, valkey: "redis.Redis[str]"
) -> None:
    with LoggedWebServer(gated.environment | {"MAIN_VISIT_BUFFER": "10"}) as web:
        link = create_link(web.client)
        with gated.valkey.refusing():
            for _ in range(25):
                assert web.client.get(f"/{link['key']}").status_code == 302
        wait_for_streamed_visits(valkey, Counter({link["key"]: 10}))
        eventually(lambda: "Redis takes visits again; dropped so far: 15" in web.log(), "the line in the log")
        assert web.log().count("Visits were dropped: Redis takes none, and 10 wait here already") == 1


def test_process_that_is_asked_to_end_adds_what_waits(gated: Gated, valkey: "redis.Redis[str]") -> None:
    with WebServer(gated.environment) as web:
        link = create_link(web.client)
        with gated.valkey.refusing():
            for _ in range(5):
                assert web.client.get(f"/{link['key']}").status_code == 302
        web.processes[0].terminate()
        assert web.processes[0].wait(WAIT_SECONDS) == 0
        assert count_streamed_visits(valkey, [link["key"]]) == {link["key"]: 5}
