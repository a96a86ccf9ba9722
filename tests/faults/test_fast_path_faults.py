"""The fast path when Redis fails in the middle of a batch: every reader is answered, and counted once."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest
import redis

from tests.support.engines import Environment
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.gates import Gated, Hold, gated_engines
from tests.support.load import VisitingClients
from tests.support.pages import BROWSER
from tests.support.raw_http import LoggedWebServer
from tests.support.visits import count_streamed_visits, read_batches, wait_for_streamed_visits, with_own_redis_database
from tests.support.waiting import eventually
from tests.support.web import WebServer

LONGEST_SECONDS = 20.0
"""Much more than it should take, for a machine that is busy; without a time-out it would be 30 s."""
INTERRUPTIONS = 20


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    with gated_engines(with_own_redis_database(environment)) as gates:
        yield gates


@pytest.fixture(scope="module")
def web(gated: Gated) -> Iterator[WebServer]:
    with WebServer(gated.environment) as server:
        yield server


@pytest.fixture
def valkey(environment: Environment) -> Iterator["redis.Redis[str]"]:
    """A connection past the gate."""
    with redis.Redis.from_url(
        with_own_redis_database(environment)["MAIN_REDIS_URL"], decode_responses=True
    ) as connection:
        yield connection


def make_warm(web: WebServer, valkey: "redis.Redis[str]", path: str) -> int:
    """Read until the fast path answers; return how often."""
    reads = 0

    def has_answered() -> bool:
        nonlocal reads
        before, gets = batches_asked_for(valkey), commands(valkey, "get")
        reads += 1
        assert web.client.get(path, headers=BROWSER).status_code in (200, 302)
        # The first reader leaves a cached entry, the second what the process needs to know of a text.
        return reads > 2 and batches_asked_for(valkey) > before and commands(valkey, "get") == gets

    eventually(has_answered, "an answer of the fast path")
    return reads


def batches_asked_for(valkey: "redis.Redis[str]") -> int:
    """How many batches were sent: nothing else uses MGET."""
    return commands(valkey, "mget")


def commands(valkey: "redis.Redis[str]", name: str) -> int:
    """How often Redis was asked this; GET is of FastAPI, which looks for a cached entry."""
    return int(valkey.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"])


def ids_of(valkey: "redis.Redis[str]", key: str) -> list[str]:
    """The ids of the records that have a visit to this entry."""
    return [batch_id for batch_id, visits in read_batches(valkey) if any(visit.key == key for visit in visits)]


def answer_while_held(gated: Gated, web: WebServer, path: str, hold: Hold) -> httpx.Response:
    """The answer to a reader whose batch is held on its way to Redis, or back, until the answer is there."""
    with ThreadPoolExecutor(1) as pool, web.new_client() as client:
        with gated.valkey.stop_at(b"EVALSHA", hold=hold) as stop:
            began_at = time.monotonic()
            answer: Future[httpx.Response] = pool.submit(client.get, path, headers=BROWSER)
            stop.wait()
            response = answer.result()
        assert time.monotonic() - began_at < LONGEST_SECONDS
        return response


@pytest.mark.parametrize(
    ("hold", "path", "status"),
    [("request", "", 302), ("answer", "", 302), ("answer", "/raw", 200), ("request", "", 200), ("answer", "", 200)],
)
def test_reader_whose_batch_is_lost_is_answered_and_counted_once(
    gated: Gated, web: WebServer, valkey: "redis.Redis[str]", hold: Hold, path: str, status: int
) -> None:
    entry = create_link(web.client) if status == 302 else create_paste(web.client)
    key = entry["key"]
    reads = make_warm(web, valkey, f"/{key}{path}")
    before = len(ids_of(valkey, key))
    assert answer_while_held(gated, web, f"/{key}{path}", hold).status_code == status
    # What Redis had taken after all comes a second time, under the same id.
    times = 2 if hold == "answer" else 1
    eventually(lambda: len(ids_of(valkey, key)[before:]) >= times, "the record")
    assert len(set(ids_of(valkey, key)[before:])) == 1
    assert count_streamed_visits(valkey, [key]) == {key: reads + 1}


@pytest.mark.parametrize("what", ["a page that is not kept", "a page that has changed", "a link that is not cached"])
def test_reader_whom_the_script_left_out_of_a_lost_batch_is_counted_too(
    gated: Gated, web: WebServer, valkey: "redis.Redis[str]", what: str
) -> None:
    """The record of the batch has her visit and lacks his, which is added under another id."""
    link = create_link(web.client)["key"]
    before = Counter({link: make_warm(web, valkey, f"/{link}")})
    if what == "a link that is not cached":
        other, status = create_link(web.client)["key"], 302
    else:
        paste, status = create_paste(web.client), 200
        other = paste["key"]
        before[other] = 0 if what == "a page that is not kept" else make_warm(web, valkey, f"/{other}")
        if what == "a page that has changed":
            web.client.patch(f"/api/v1/entries/{other}", headers=manage_headers(paste), json={"title": "new"})
            # Cached again by another process than the one whose page is old now.
            with WebServer(gated.environment) as elsewhere:
                assert elsewhere.client.get(f"/{other}/raw").status_code == 200
            before[other] += 1
    with (
        ThreadPoolExecutor(3) as pool,
        web.new_client() as first,
        web.new_client() as hers,
        web.new_client() as his,
        gated.valkey.stop_at(b"EVALSHA", hold="request") as stop_of_the_first,
    ):
        first_answer = pool.submit(first.get, f"/{link}")
        stop_of_the_first.wait()
        with gated.valkey.stop_at(b"EVALSHA", hold="answer") as stop:
            her_answer = pool.submit(hers.get, f"/{link}")
            his_answer = pool.submit(his.get, f"/{other}", headers=BROWSER)
            # They wait in the process for the first batch, which can't be seen from here.
            time.sleep(0.3)
            stop_of_the_first.release()
            stop.wait()
            statuses = [answer.result().status_code for answer in (first_answer, her_answer, his_answer)]
    assert statuses == [302, 302, status]
    wait_for_streamed_visits(valkey, before + Counter({link: 2, other: 1}))


@pytest.mark.parametrize("what", ["connections", "scripts"])
def test_crowd_is_counted_exactly_while_redis_forgets_again_and_again(
    gated: Gated, web: WebServer, valkey: "redis.Redis[str]", what: str
) -> None:
    with VisitingClients(web, visitors=8) as crowd:
        for _ in range(INTERRUPTIONS):
            crowd.wait_for_answers(40)
            if what == "scripts":
                valkey.script_flush()
            else:
                valkey.client_kill_filter(_type="normal", skipme=True)
        crowd.wait_for_answers(40)
    assert crowd.lost == {}
    assert crowd.slowest_seconds < LONGEST_SECONDS
    wait_for_streamed_visits(valkey, crowd.answered)


def test_fast_path_comes_back_when_redis_does(gated: Gated, web: WebServer, valkey: "redis.Redis[str]") -> None:
    key = create_link(web.client)["key"]
    make_warm(web, valkey, f"/{key}")
    with gated.valkey.refusing():
        assert web.client.get(f"/{key}").status_code == 302
    make_warm(web, valkey, f"/{key}")


def test_log_tells_of_an_outage_and_not_of_each_request_meanwhile(gated: Gated) -> None:
    with LoggedWebServer(gated.environment) as web:
        path = f"/{create_link(web.client)['key']}"
        with gated.valkey.refusing():
            for _ in range(30):
                assert web.client.get(path).status_code == 302
                assert create_link(web.client)
            told = web.log()

        def is_back() -> bool:
            assert web.client.get(path).status_code == 302
            return "Redis answers again" in web.log()

        eventually(is_back, "the line in the log")
    assert told.count("goes on without it") == 1
    assert len(told.splitlines()) < 15, told
