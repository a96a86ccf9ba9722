"""All that a visit passes is killed or stopped while visitors come, and at the end the figures are exact."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis
from kombu.exceptions import OperationalError

from tests.support.engines import START_SECONDS, Environment, running_engines, temporary_folder, wait_for_valkey
from tests.support.gates import Gated, Hold
from tests.support.load import VisitingClients
from tests.support.visits import remaining_records, visit_counts
from tests.support.waiting import eventually
from tests.support.web import WebServer
from tests.support.workers import CeleryProcess, main_worker, send_task

VISITORS = 16
ANSWERS_BETWEEN = 100
ANSWERS_WITHOUT_REDIS = 300
INGEST_EVERY_SECONDS = 0.5
"""More often than a beat asks for it, so that a worker is at it whenever it is killed."""

WORKER_DIES_AT: list[tuple[str, tuple[bytes, ...], Hold]] = [
    ("postgres", (b"COPY ",), "answer"),
    ("postgres", (b"INSERT INTO visit_hour", b"COMMIT"), "request"),
    ("postgres", (b"INSERT INTO visit_hour", b"COMMIT"), "answer"),
    ("valkey", (b"XACK",), "request"),
]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[Environment]:
    """Engines of its own, one of which is stopped."""
    with running_engines(folder) as settings:
        yield settings


@contextmanager
def asking_for_ingests(environment: Environment) -> Iterator[None]:
    """Order the ingest of visits again and again, more often than the beat does."""
    ending = threading.Event()

    def ask() -> None:
        while not ending.wait(INGEST_EVERY_SECONDS):
            try:
                send_task("main_service.ingest_visits", environment=environment)
            except OperationalError:
                # Redis is stopped at the moment.
                continue

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield
        finally:
            ending.set()
            asking.result()


def kill_workers(gated: Gated, folder: Path) -> None:
    """One after the other, each in the middle of an ingest."""
    for number, (part, said, hold) in enumerate(WORKER_DIES_AT):
        gate = gated.valkey if part == "valkey" else gated.postgres
        with (
            gate.stop_at(*said, hold=hold) as stop,
            main_worker(gated.environment, folder / f"worker-{number}.log") as worker,
        ):
            worker.wait_for(" ready.")
            stop.wait()
            worker.kill()


def kill_webs(gated: Gated, web: WebServer, crowd: VisitingClients, *, hands_over: bytes) -> None:
    """Ten: two and two alone, wherever they are, and three pairs with one of them about to hand visits to
    Redis, by the command `hands_over`."""
    for way in ("alone", "pair", "pair", "alone", "pair"):
        wait_until_both_answer(web, crowd)
        if way == "alone":
            web.kill(0)
            crowd.wait_for_answers(ANSWERS_BETWEEN)
            web.kill(1)
        else:
            with gated.valkey.stop_at(hands_over, hold="request") as stop:
                stop.wait()
                web.kill(0, 1)
    wait_until_both_answer(web, crowd)


def wait_until_both_answer(web: WebServer, crowd: VisitingClients) -> None:
    eventually(
        lambda: all(psutil.Process(process.pid).net_connections("tcp4")[1:] for process in web.processes),
        "connections of each process",
    )
    crowd.wait_for_answers(ANSWERS_BETWEEN)


def stop_and_start_valkey(gated: Gated, folder: Path, valkey: "redis.Redis[str]", crowd: VisitingClients) -> None:
    crowd.wait_for_answers(ANSWERS_BETWEEN)
    pid = folder / "data/run/valkey.pid"
    stopped = psutil.Process(int(pid.read_text().split()[0]))
    with gated.valkey.refusing():
        # The launcher starts it again, and the gate keeps it away a while longer.
        stopped.terminate()
        stopped.wait(START_SECONDS)
        crowd.wait_for_answers(ANSWERS_WITHOUT_REDIS)
        wait_for_valkey(valkey)
    crowd.wait_for_answers(ANSWERS_BETWEEN)


def end(web: WebServer) -> None:
    """Asked to, processes add to the stream what still waits with them."""
    for process in web.processes:
        process.terminate()
    assert [process.wait(START_SECONDS) for process in web.processes] == [0, 0]


def wait_until_all_is_ingested(valkey: "redis.Redis[str]", *, by: CeleryProcess) -> None:
    """Wait until the stream is empty, or the worker has ended."""
    eventually(lambda: remaining_records(valkey) == (0, 0) or by.process.poll() is not None, "an empty stream")


@pytest.mark.parametrize(("fast_path", "hands_over"), [("true", b"EVALSHA"), ("false", b"XADD")], ids=["fast", "plain"])
async def test_figures_are_exact_when_all_parts_of_the_chain_were_killed(
    gated: Gated,
    environment: Environment,
    folder: Path,
    valkey: "redis.Redis[str]",
    database: asyncpg.Connection,
    tmp_path: Path,
    fast_path: str,
    hands_over: bytes,
) -> None:
    """No web process is killed while visits wait in its memory: those of the time without Redis are not promised."""
    settings = gated.environment | {"MAIN_FAST_PATH": fast_path}
    with WebServer(settings, processes=2) as web, asking_for_ingests(environment):
        with VisitingClients(web, visitors=VISITORS) as under_kills, ThreadPoolExecutor(1) as pool:
            killing_workers = pool.submit(kill_workers, gated, tmp_path)
            kill_webs(gated, web, under_kills, hands_over=hands_over)
            killing_workers.result()
        with main_worker(gated.environment, tmp_path / "last-worker.log") as worker:
            with VisitingClients(web, visitors=VISITORS) as without_redis:
                stop_and_start_valkey(gated, folder, valkey, without_redis)
            end(web)
            wait_until_all_is_ingested(valkey, by=worker)
        if remaining_records(valkey) != (0, 0):
            # Celery ends when it can't deal with the way in which its broker went; the launcher starts it again.
            with main_worker(gated.environment, tmp_path / "another-worker.log") as worker:
                wait_until_all_is_ingested(valkey, by=worker)
    assert remaining_records(valkey) == (0, 0)

    for crowd in (under_kills, without_redis):
        for key in crowd.keys:
            people, bots = await visit_counts(database, key)
            for count, seen in ((people, crowd.people), (bots, crowd.bots)):
                answered, lost = seen.answered[key], seen.lost[key]
                assert answered <= count <= answered + lost, f"{count} visits, {answered} answers, {lost} without"
    assert without_redis.lost == {}
    assert without_redis.heads.lost == {}
    print(
        f"{under_kills.answered.total()} answers under kills, {under_kills.lost.total()} requests without one; "
        f"{without_redis.answered.total()} answers around the stop of Redis"
    )
