"""The folder through which processes share metrics: what ended ones counted stays, their files and gauges don't."""

import os
from pathlib import Path

import pytest
from prometheus_client.multiprocess import MultiProcessCollector

from main_service.monitoring.metrics_files import tidied
from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full, run_main
from tests.support.settings import VALID_SETTINGS

COUNTED = "slipbin_visits_recorded_total"
WAITING = "slipbin_visits_waiting"
BATCHES = "slipbin_fast_path_batch_size"

COUNT = """
from main_service.monitoring.metrics_files import join
join("web")
from main_service.monitoring.metrics import FAST_PATH_BATCH_SIZE, VISITS_RECORDED, VISITS_WAITING
VISITS_RECORDED.inc(3)
VISITS_WAITING.set(5)
FAST_PATH_BATCH_SIZE.observe(4)
FAST_PATH_BATCH_SIZE.observe(400)
"""

COUNT_ALL_ROUTES = """
from main_service.monitoring.metrics_files import join
join("web")
from fastapi.routing import iter_route_contexts
from main_service.app import create_app
from main_service.monitoring.tallies import REQUESTS, hand_over
routes = [route for route in iter_route_contexts(create_app().routes) if getattr(route, "methods", None)]
assert len(routes) > 50
for route in routes:
    for method in route.methods:
        for status in (200, 401, 404, 422, 429):
            REQUESTS.add(route.path, method, status, 0.1)
hand_over()
"""


@pytest.fixture
def shared(tmp_path: Path) -> Environment:
    settings = {f"MAIN_{name.upper()}": value for name, value in VALID_SETTINGS.items()}
    return full(settings | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})


def count(shared: Environment, code: str = COUNT) -> None:
    done = forking.run("-c", code, environment=shared, timeout=START_SECONDS)
    assert done.returncode == 0, done.stderr.decode()


def told(folder: Path) -> dict[str, float]:
    metrics = MultiProcessCollector.merge([str(file) for file in folder.glob("*.db")])
    return {sample.name + sample.labels.get("le", ""): sample.value for metric in metrics for sample in metric.samples}


def test_what_ended_processes_counted_is_kept_in_two_files(shared: Environment, tmp_path: Path) -> None:
    for _ in range(3):
        count(shared)

    with tidied(tmp_path) as running:
        assert running == []
        after = told(tmp_path)
    assert {file.name for file in tmp_path.glob("*.*")} == {"counter_ended.db", "histogram_ended.db"}
    assert after[COUNTED] == 9
    assert WAITING not in after
    assert (after[f"{BATCHES}_count"], after[f"{BATCHES}_sum"]) == (6, 3 * 404)
    assert (after[f"{BATCHES}_bucket5.0"], after[f"{BATCHES}_bucket500.0"]) == (3, 6)


def test_files_have_room_for_all_routes(shared: Environment, tmp_path: Path) -> None:
    """One that grew would be sparse, and end its process when the disk is full."""
    count(shared)
    made = {file.name.partition("_")[0]: file.stat().st_size for file in tmp_path.glob("*_[0-9]*.db")}

    count(shared, COUNT_ALL_ROUTES)

    used = {file.name.partition("_")[0]: file.stat().st_size for file in tmp_path.glob("*_[0-9]*.db")}
    assert used == made


def test_merging_again_changes_nothing(shared: Environment, tmp_path: Path) -> None:
    count(shared)
    with tidied(tmp_path):
        before = told(tmp_path)
    with tidied(tmp_path):
        assert told(tmp_path) == before


def test_killed_while_it_merges_a_process_loses_and_doubles_nothing(shared: Environment, tmp_path: Path) -> None:
    """Once before the draft takes its place, once after."""
    count(shared)
    files = {file: file.read_bytes() for file in tmp_path.glob("counter_*.db")}
    names = "\n".join(file.name for file in files)
    (tmp_path / "counter.merging").write_text(names)
    (tmp_path / "counter.draft").write_bytes(b"half of it")
    with tidied(tmp_path):
        assert told(tmp_path)[COUNTED] == 3

    for file, content in files.items():
        file.write_bytes(content)
    (tmp_path / "counter.merging").write_text(names)
    with tidied(tmp_path):
        assert told(tmp_path)[COUNTED] == 3
    assert not list(tmp_path.glob("counter.*"))


def test_process_that_has_the_number_of_an_ended_one_is_not_taken_for_it(shared: Environment, tmp_path: Path) -> None:
    count(shared)
    for file in [*tmp_path.glob("*_*.db"), *tmp_path.glob("*.role")]:
        ended = file.stem.rpartition("_")[2]
        file.rename(file.with_name(file.name.replace(ended, str(os.getpid()))))

    with tidied(tmp_path) as running:
        assert running == []
        assert told(tmp_path)[COUNTED] == 3
        assert WAITING not in told(tmp_path)


def test_broken_file_of_an_ended_process_is_in_no_ones_way(shared: Environment, tmp_path: Path) -> None:
    (tmp_path / "counter_999999.db").write_bytes((100).to_bytes(4, "little") + b"\xff" * 200)

    count(shared)

    with tidied(tmp_path):
        pass


def test_command_leaves_no_files(environment: Environment, tmp_path: Path) -> None:
    run_main("cleanup", environment=environment | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})

    assert list(tmp_path.iterdir()) == []
