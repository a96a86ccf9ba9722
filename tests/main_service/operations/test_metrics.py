"""`/metrics`: who may read it, what is counted, and that the processes of a machine are summed."""

import signal
from collections.abc import Iterator

import httpx
import pytest
import redis

from main_service.keys.pool import Pool
from tests.support.engines import REPOSITORY, Environment, temporary_folder
from tests.support.entries import create_link, create_paste, manage_headers
from tests.support.gates import Gated, gated_engines
from tests.support.metrics import METRICS_TOKEN, NOT_FOUND, read_metrics
from tests.support.waiting import eventually
from tests.support.web import WebServer

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
GONE = 'slipbin_address_misses_total{status="410"}'
RECORDED = "slipbin_visits_recorded_total"
DROPPED = "slipbin_visits_dropped_total"
WAITING = "slipbin_visits_waiting"
DRAWN = "slipbin_keys_drawn_total"
PAGE = 'slipbin_http_requests_total{method="GET",route="/privacy",status="200"}'

Pair = tuple[httpx.Client, httpx.Client]


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    with gated_engines(environment | {"MAIN_METRICS_TOKEN": METRICS_TOKEN, "MAIN_VISIT_BUFFER": "3"}) as gates:
        yield gates


@pytest.fixture(scope="module")
def metrics_environment(gated: Gated) -> Iterator[Environment]:
    with temporary_folder() as folder:
        yield gated.environment | {FOLDER: str(folder)}


@pytest.fixture(scope="module")
def pair(metrics_environment: Environment) -> Iterator[Pair]:
    """Two processes that share their figures."""
    with WebServer(metrics_environment) as one, WebServer(metrics_environment) as other:
        yield one.client, other.client


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.text, answer.headers["content-type"]


def test_without_a_token_in_the_settings_there_is_nothing(client: httpx.Client) -> None:
    unknown = refusal(client.get("/never-used"))

    for token in ("", "Bearer", "Bearer None", f"Bearer {METRICS_TOKEN}"):
        assert refusal(client.get("/metrics", headers={"Authorization": token})) == unknown


def test_client_without_the_token_finds_nothing(pair: Pair) -> None:
    unknown = refusal(pair[0].get("/never-used"))

    assert refusal(pair[0].get("/metrics")) == unknown
    for token in (
        METRICS_TOKEN,
        f"Bearer {METRICS_TOKEN}x",
        f"Bearer {METRICS_TOKEN[:-1]}",
        f"Basic {METRICS_TOKEN}",
        "Bearer \xff",
    ):
        assert refusal(pair[0].get("/metrics", headers={"Authorization": token.encode("latin-1")})) == unknown


def test_misses_of_readers_are_counted_by_status_over_all_processes(pair: Pair) -> None:
    link, paste = create_link(pair[0]), create_paste(pair[0])
    for made in (link, paste):
        path = f"/api/v1/entries/{made['key']}"
        assert pair[0].delete(path, headers=manage_headers(made)).status_code == 204
    before = read_metrics(pair[0])

    for client in pair:
        assert client.get("/never-used").status_code == 404
        assert client.get("/no such key").status_code == 404
        assert client.get("/never-used/raw").status_code == 404
        assert client.get("/api/v1/entries/never-used/text").status_code == 404
        assert client.get(f"/{link['key']}").status_code == 410
        assert client.get(f"/{paste['key']}/raw").status_code == 410
    # Not what readers do, and not what is no entry's address.
    assert pair[0].get("/api/v1/entries/never-used").status_code == 404
    assert pair[0].get("/no/such/address").status_code == 404

    for client in pair:
        after = read_metrics(client)
        assert (after[NOT_FOUND] - before[NOT_FOUND], after[GONE] - before[GONE]) == (8, 4)


def test_visits_are_counted_once_redis_has_them(pair: Pair) -> None:
    link = create_link(pair[0])
    before = read_metrics(pair[1])

    for client in pair:
        for _ in range(5):
            assert client.get(f"/{link['key']}").status_code == 302

    # The other process hands its counts over each second.
    eventually(lambda: read_metrics(pair[1])[RECORDED] - before[RECORDED] == 10, "all visits")
    after = read_metrics(pair[1])
    assert (after[DROPPED] - before[DROPPED], after[WAITING]) == (0, 0)


def test_what_waits_and_what_is_dropped_is_told_and_no_more_of_a_dead_process(
    gated: Gated, metrics_environment: Environment, pair: Pair
) -> None:
    link = create_link(pair[0])
    before = read_metrics(pair[0])
    with WebServer(metrics_environment) as third:
        with gated.valkey.refusing():
            for client, visits in ((pair[0], 2), (third.client, 5)):
                for _ in range(visits):
                    assert client.get(f"/{link['key']}").status_code == 302
            after = read_metrics(pair[1])
            assert (after[WAITING], after[DROPPED] - before[DROPPED]) == (2 + 3, 2)

            third.processes[0].kill()
            third.processes[0].wait()
            after = read_metrics(pair[1])
            assert (after[WAITING], after[DROPPED] - before[DROPPED]) == (2, 2)
        eventually(lambda: read_metrics(pair[1])[WAITING] == 0, "no visit that waits")
    eventually(lambda: read_metrics(pair[1])[RECORDED] - before[RECORDED] == 2, "the visits that waited")


def test_what_a_process_has_added_up_is_told_at_its_next_scrape(pair: Pair) -> None:
    for _ in range(5):
        before = read_metrics(pair[0])
        assert pair[0].get("/privacy").status_code == 200

        assert read_metrics(pair[0])[PAGE] - before.get(PAGE, 0) == 1


def test_what_a_process_has_added_up_is_told_after_its_end(metrics_environment: Environment, pair: Pair) -> None:
    before = read_metrics(pair[0]).get(PAGE, 0)
    with WebServer(metrics_environment) as third:
        for _ in range(5):
            assert third.client.get("/privacy").status_code == 200
        third.processes[0].send_signal(signal.SIGTERM)
        third.processes[0].wait()

    assert read_metrics(pair[0])[PAGE] - before == 5


def test_keys_that_no_pool_gave_are_counted(pair: Pair, valkey: redis.Redis) -> None:
    # Other tests fill pools.
    valkey.delete(*Pool)
    before = read_metrics(pair[0])[DRAWN]

    for _ in range(65):
        create_link(pair[1])

    assert read_metrics(pair[0])[DRAWN] > before


@pytest.mark.parametrize("shared_folder", ["", "/nowhere/at/all"])
def test_process_without_a_folder_to_share_counts_for_itself(gated: Gated, shared_folder: str) -> None:
    with WebServer(gated.environment | {FOLDER: shared_folder}) as alone:
        assert alone.client.get("/never-used").status_code == 404

        assert read_metrics(alone.client)[NOT_FOUND] == 1
        pid = alone.processes[0].pid
    assert not list(REPOSITORY.glob(f"*_{pid}.db")), "where it runs is no folder for its files"
