"""MAIN_METRICS_PORT and KEYGEN_METRICS_PORT: who listens, and to what it answers."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.engines import Environment, temporary_folder
from tests.support.metrics import parse_metrics
from tests.support.ports import reserved_port
from tests.support.waiting import eventually
from tests.support.web import WebServer
from tests.support.workers import keygen_worker, main_worker


@pytest.fixture
def port() -> Iterator[int]:
    with reserved_port() as number:
        yield number


def ask(port: int, path: str = "/metrics", *, method: str = "GET") -> httpx.Response | None:
    try:
        return httpx.request(method, f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=30)
    except httpx.TransportError:
        return None


def read(port: int) -> dict[str, float]:
    answer = eventually(lambda: ask(port), f"an answer on port {port}")
    assert answer.status_code == 200
    return parse_metrics(answer)


def listening(port: int) -> list[tuple[int | None, str]]:
    """The processes that listen on the port, and at which address."""
    found = psutil.net_connections("tcp")
    return [(each.pid, each.laddr.ip) for each in found if each.status == "LISTEN" and each.laddr.port == port]


def test_one_of_the_web_processes_listens_for_all_and_another_after_its_end(
    environment: Environment, port: int, tmp_path: Path
) -> None:
    settings = environment | {"MAIN_METRICS_PORT": str(port)}
    log = tmp_path / "log"
    with (
        temporary_folder() as folder,
        log.open("wb") as output,
        WebServer(settings | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}, processes=2, log=output) as web,
    ):
        assert read(port)['slipbin_processes{role="web"}'] == 2
        # On a busy machine a part may be too late to be told as up.
        eventually(lambda: read(port)['slipbin_part_up{part="database"}'] == 1, "the database")
        [(first, address)] = listening(port)
        assert address == "127.0.0.1"

        killed = next(number for number, process in enumerate(web.processes) if process.pid == first)
        web.kill(killed)
        eventually(lambda: listening(port) not in ([], [(first, address)]), "another process that listens")

        eventually(lambda: read(port)['slipbin_part_up{part="redis"}'] == 1, "Redis")
    assert "can't be served" not in log.read_text()


def test_there_is_nothing_else_on_the_port(environment: Environment, port: int) -> None:
    with WebServer(environment | {"MAIN_METRICS_PORT": str(port)}) as web:
        read(port)

        for path in ("/", "/metrics/", "/health/live", "/metrics.txt"):
            assert (answer := ask(port, path))
            assert (answer.status_code, answer.content) == (404, b"")
        for method in ("POST", "DELETE"):
            assert (answer := ask(port, method=method))
            assert answer.status_code == 405
        assert (head := ask(port, method="HEAD"))
        assert (head.status_code, head.content) == (200, b"")
        assert web.client.get("/metrics").status_code == 404


def test_port_that_is_taken_stops_nothing_and_is_taken_over_later(
    environment: Environment, port: int, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output, WebServer(environment | {"MAIN_METRICS_PORT": str(port)}) as one:
        read(port)
        with WebServer(environment | {"MAIN_METRICS_PORT": str(port)}, log=output) as other:
            eventually(lambda: f"127.0.0.1 port {port}" in log.read_text(), "a line in the log")
            assert other.client.get("/health/live").status_code == 200

            one.processes[0].kill()
            one.processes[0].wait()
            eventually(lambda: [pid for pid, _ in listening(port)] == [other.processes[0].pid], "the other one")


def test_workers_tell_of_themselves(environment: Environment, port: int, tmp_path: Path) -> None:
    settings = environment | {"MAIN_METRICS_PORT": str(port)}
    with reserved_port() as keygen_port:
        settings |= {"KEYGEN_METRICS_PORT": str(keygen_port), "KEYGEN_POOL_SIZE": "1"}
        with main_worker(settings, tmp_path / "main.log"), keygen_worker(settings, tmp_path / "keygen.log"):
            main = read(port)
            eventually(lambda: read(keygen_port).get('slipbin_queue_length{queue="keygen_service"}') == 0, "a run")
            keygen = read(keygen_port)

    assert main['slipbin_processes{role="main-worker"}'] == 1
    assert main['slipbin_task_interval_seconds{task="main_service.heal_copies"}'] == 5
    assert not [name for name in main if name.startswith("slipbin_part_up")]
    assert keygen['slipbin_task_runs_total{outcome="success",task="keygen_service.top_up"}'] >= 1
    assert not [name for name in (*main, *keygen) if name.partition("{")[0].endswith("_created")]
    assert keygen['slipbin_process_resident_memory_bytes{role="keygen-worker"}'] > 0
