"""Each command of docker-compose.yml does its work as it is written: services, one-shots and health checks."""

import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest
import redis
from celery import Celery

from launcher.engines.binaries import find_valkey
from tests.deployment.compose_file import compose_file
from tests.deployment.containers import BROKER_NUMBER, REDIS_NUMBER, Containers
from tests.support.engines import Environment, wait_for_valkey
from tests.support.waiting import eventually

NOT_WRITTEN_SECONDS = 11 * 60
"""A beat that has not written its schedule for so long hangs."""


def database(environment: Environment, number: int) -> redis.Redis:
    return redis.Redis.from_url(environment["MAIN_REDIS_URL"].partition("?")[0], db=number, decode_responses=True)


def stop(service: str, process: "subprocess.Popen[bytes]", containers: Containers) -> None:
    """Stop a process as Compose does, and require that it ends with 0 before Compose would kill it."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(containers.grace_seconds(service)) == 0


def test_migrate_can_run_at_every_start(containers: Containers) -> None:
    done = containers.run("migrate")

    assert done.returncode == 0
    assert "up to date" in done.stdout


def test_web_serves_and_is_ready_until_it_is_stopped(containers: Containers, variables: Environment, port: int) -> None:
    several = containers.with_variables(variables | {"SLIPBIN_WEB_PROCESSES": "2"})
    with several.running("main") as process:
        containers.wait_until_healthy("main", process)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as visitor:
            assert "<form" in visitor.get("/", headers={"Accept": "text/html"}).text
            made = visitor.post("/api/v1/pastes", json={"text": "kept in a bucket"})
            assert made.status_code == 201
            assert made.json()["url"].startswith(f"http://127.0.0.1:{port}/")
            assert visitor.get(made.json()["url"]).text == "kept in a bucket"
        assert len(psutil.Process(process.pid).children()) == 2
        stop("main", process, containers)

    assert containers.check("main").returncode != 0


def test_web_is_not_healthy_without_its_database(containers: Containers, variables: Environment) -> None:
    lonely = containers.with_variables(
        variables | {"MAIN_DATABASE_URL": "postgresql+asyncpg://slipbin@127.0.0.1:1/slipbin"}
    )
    with lonely.running("main") as process:

        def says_unavailable() -> bool:
            assert process.poll() is None
            done = lonely.check("main")
            assert done.returncode == 1
            return done.stderr.startswith("503")

        eventually(says_unavailable, "an answer that it is not ready")


@pytest.mark.parametrize(
    ("service", "queue", "node", "task"),
    [
        ("main-worker", "main_service", "main", "main_service.end_expired"),
        ("main-slow", "main_service.slow", "main-slow", "main_service.clean_up"),
        ("keygen-worker", "keygen_service", "keygen", "keygen_service.top_up"),
    ],
)
def test_worker_does_tasks_and_is_healthy_until_it_hangs(
    containers: Containers, variables: Environment, service: str, queue: str, node: str, task: str
) -> None:
    with containers.running(service) as process:
        containers.wait_until_healthy(service, process)
        with Celery(broker=variables["MAIN_BROKER_URL"], set_as_current=False) as sender:
            sender.send_task(task, queue=queue, ignore_result=True)
            name = f"{node}@{os.uname().nodename}"

            def has_run() -> bool:
                answers = sender.control.inspect([name], timeout=5).stats() or {}
                return answers.get(name, {}).get("total", {}).get(task, 0) > 0

            eventually(has_run, "a task that has run")

        process.send_signal(signal.SIGSTOP)
        assert containers.check(service).returncode != 0
        process.send_signal(signal.SIGCONT)
        containers.wait_until_healthy(service, process)
        stop(service, process, containers)


def test_keygen_worker_fills_the_pools_at_its_start(containers: Containers, environment: Environment) -> None:
    with database(environment, REDIS_NUMBER) as valkey:
        valkey.delete("keys:link", "keys:paste")

        with containers.running("keygen-worker"):
            eventually(lambda: (valkey.scard("keys:link"), valkey.scard("keys:paste")) == (500, 500), "full pools")


def test_beats_send_tasks_and_are_healthy_while_they_write_their_schedules(
    containers: Containers, environment: Environment
) -> None:
    queues = {"main-beat": "main_service", "keygen-beat": "keygen_service"}
    with database(environment, BROKER_NUMBER) as broker, ExitStack() as stack:
        broker.delete(*queues.values())
        processes = {beat: stack.enter_context(containers.running(beat)) for beat in queues}
        for beat, process in processes.items():
            containers.wait_until_healthy(beat, process)

        eventually(lambda: all(broker.llen(queue) for queue in queues.values()), "tasks in all queues")

        for beat, process in processes.items():
            stop(beat, process, containers)
            age(containers.volume(beat))
            assert containers.check(beat).returncode != 0
            # One that starts again with an old schedule writes it at once.
            containers.wait_until_healthy(beat, stack.enter_context(containers.running(beat)))


def age(folder: Path) -> None:
    long_ago = time.time() - NOT_WRITTEN_SECONDS
    for file in folder.iterdir():
        os.utime(file, (long_ago, long_ago))


def test_worker_is_not_healthy_without_a_broker(containers: Containers, variables: Environment) -> None:
    lonely = containers.with_variables(variables | {"MAIN_BROKER_URL": "redis+socket:///nowhere?virtual_host=0"})

    done = lonely.check("main-worker")

    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_valkey_takes_its_options(folder: Path) -> None:
    command = compose_file()["services"]["valkey"]["command"]
    engine = find_valkey(os.environ)
    address = folder / "options.sock"
    server = subprocess.Popen(
        [engine.folder / engine.server, *command[1:], "--port", "0", "--unixsocket", address, "--dir", folder],
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(address.exists, "the address")
        with redis.Redis(unix_socket_path=str(address), decode_responses=True) as valkey:
            wait_for_valkey(valkey)
            options = valkey.config_get("appendonly", "appendfsync", "save", "maxmemory-policy")
        assert options == {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
    finally:
        server.kill()
        server.wait()
