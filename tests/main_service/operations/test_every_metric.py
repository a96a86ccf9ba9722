"""Every metric of docs/metrics.md is told by a running installation, and moves when its cause is made to happen."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import httpx
import pytest

from tests.support.engines import Environment
from tests.support.installation import POOL_SIZE, Installation, running_installation
from tests.support.metric_causes import VISITS, fill_the_pool, follow_link, ingest
from tests.support.metric_samples import CAUSES, SAMPLES
from tests.support.metrics import METRICS_TOKEN
from tests.support.metrics_page import PAGE, all_names, with_tables
from tests.support.waiting import eventually
from tests.support.web import is_held_by


@pytest.fixture(scope="module")
def four_processes(environment: Environment) -> Iterator[Installation]:
    with running_installation(environment) as running:
        yield running


CONSTANT = {
    "slipbin_task_interval_seconds": {
        '{task="main_service.clean_up"}': 86_400.0,
        '{task="main_service.heal_copies"}': 5.0,
        '{task="keygen_service.top_up"}': 10.0,
    },
    "slipbin_pool_capacity": {'{kind="link"}': POOL_SIZE, '{kind="paste"}': POOL_SIZE},
    "slipbin_descriptors_allowed": None,
    "slipbin_build_info": None,
    "slipbin_disk_free_bytes": None,
    "slipbin_disk_size_bytes": None,
    "slipbin_disk_free_files": None,
    "slipbin_disk_files": None,
}
"""Metrics of settings and of the machine, which no test moves: their values, or None if they differ by machine."""


def value_of(told: dict[str, float], sample: str) -> object:
    """The value; of a metric whose labels are what it tells, its labels."""
    return [name for name in told if name.startswith(sample)] if sample.endswith("_info") else told.get(sample)


@pytest.mark.parametrize("name", CAUSES)
def test_metrics_move_when_their_cause_happens(four_processes: Installation, name: str) -> None:
    cause, samples = CAUSES[name]
    before = four_processes.read()
    with ExitStack() as stack:
        if hasattr(cause, "__wrapped__"):
            stack.enter_context(cause(four_processes))
        else:
            cause(four_processes)
        for sample in samples:
            moved = partial(_has_moved, four_processes, sample, before)
            eventually(moved, f"another value of {sample}")
    while four_processes.kept:
        four_processes.kept.pop().close()


def _has_moved(four_processes: Installation, sample: str, before: dict[str, float]) -> bool:
    # One that was not there yet has been made, at 0, and not been counted.
    return value_of(four_processes.read(), sample) not in (value_of(before, sample) or 0.0, None)


def test_every_metric_of_the_page_is_told_and_tested(four_processes: Installation) -> None:
    fill_the_pool(four_processes)
    pools = ("keys:link", "keys:paste")
    # Before the next test: keys that come late would fill a pool that it has emptied.
    eventually(lambda: all(four_processes.valkey.scard(pool) >= POOL_SIZE for pool in pools), "full pools")
    names = all_names()

    def told() -> set[str]:
        return {_name_of(sample) for sample in four_processes.read()}

    # The size of the pools comes with keys; and on a busy machine what a part is asked may be told only later.
    eventually(lambda: told() >= names, f"{names - told()}")

    assert PAGE.read_text() == with_tables(PAGE.read_text()), "run `make metrics`"
    tested = {name for name in names for sample in (*SAMPLES, *CONSTANT) if _name_of(sample) == name}
    assert tested == names
    assert told() <= names, "told, but not on the page"


def _name_of(sample: str) -> str:
    name = sample.partition("{")[0]
    for ending in ("_bucket", "_sum", "_count"):
        if name.removesuffix(ending) in all_names():
            return name.removesuffix(ending)
    return name


def test_metrics_of_settings_and_machine_are_what_these_are(four_processes: Installation) -> None:
    told = four_processes.read()

    for name, samples in CONSTANT.items():
        for labels, value in (samples or {}).items():
            assert told[name + labels] == value
    disk = os.statvfs(four_processes.texts)
    assert told['slipbin_disk_size_bytes{place="texts"}'] == disk.f_blocks * disk.f_frsize
    assert 0 < told['slipbin_disk_free_bytes{place="texts"}'] <= disk.f_blocks * disk.f_frsize
    assert told['slipbin_disk_files{place="texts"}'] == disk.f_files
    assert 0 < told['slipbin_disk_free_files{place="texts"}'] <= disk.f_files
    assert told["slipbin_certificate_expiry_timestamp_seconds"] == four_processes.tls.ends_at.timestamp()
    started_at = told['slipbin_process_start_time_seconds{role="web"}']
    assert started_at < time.time()
    assert told["slipbin_descriptors_allowed"] > told["slipbin_descriptors_used"] > 0


def test_four_processes_add_up(four_processes: Installation) -> None:
    roles = {"web": 2, "main-worker": 1, "keygen-worker": 1}
    processes = {process.pid for process in four_processes.web.processes}
    route = 'slipbin_http_requests_total{method="GET",route="/health/live",status="200"}'
    runs = 'slipbin_task_runs_total{outcome="success",task="%s"}'
    # What waits from other tests would be counted with this one's.
    ingest(four_processes)
    eventually(lambda: four_processes.read().get("slipbin_visit_stream_length") == 0, "an empty stream")
    # So would what a process has counted for them: it tells of that at its next scrape.
    asked: set[int] = set()
    while asked != processes:
        # Each new connection is accepted by either of the two.
        with four_processes.web.new_client() as client:
            asked.add(_answering_process(four_processes, client, "/metrics"))
    before = four_processes.read()
    requests = 0
    asked = set()
    while asked != processes:
        with four_processes.web.new_client() as client:
            for _ in range(5):
                asked.add(_answering_process(four_processes, client, "/health/live"))
                requests += 1
    follow_link(four_processes)
    eventually(lambda: four_processes.read().get("slipbin_visit_stream_length", 0) > 0, "visits in the stream")
    four_processes.send("main_service.ingest_visits", "main_service")
    for _ in range(2):
        four_processes.send("keygen_service.top_up", "keygen_service")
    # Tasks of earlier tests may end only now.
    at_least = {
        "slipbin_visits_recorded_total": VISITS,
        "slipbin_visits_ingested_total": VISITS,
        runs % "main_service.ingest_visits": 1,
        runs % "keygen_service.top_up": 2,
    }

    def counted() -> dict[str, float]:
        told = four_processes.read()
        return {name: told.get(name, 0) - before.get(name, 0) for name in (route, *at_least)}

    eventually(
        lambda: (now := counted())[route] == requests and all(now[name] >= at_least[name] for name in at_least),
        f"{requests} requests and {at_least}, not {counted()}",
    )
    told = four_processes.read()
    assert {role: told[f'slipbin_processes{{role="{role}"}}'] for role in roles} == roles


def _answering_process(four_processes: Installation, client: httpx.Client, path: str) -> int:
    headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    with client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
        return next(process.pid for process in four_processes.web.processes if is_held_by(process, port))
