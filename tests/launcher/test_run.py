"""`python -m launcher run`: the whole product, started, disturbed and stopped."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
import redis

from tests.launcher.launched import (
    PATIENCE_SECONDS,
    REPOSITORY,
    Launched,
    Launchers,
    assert_nothing_left,
    empty_folder,
    is_alive,
    launchers,
)
from tests.support.metrics import METRICS_TOKEN, read_metrics
from tests.support.waiting import eventually

CHILDREN = {
    "web-1": ("main_service serve ",),
    "main-worker": ("celery --quiet -A main_service.worker worker ", " --queues main_service "),
    "main-slow": ("celery --quiet -A main_service.worker worker ", " --queues main_service.slow "),
    "main-beat": ("celery --quiet -A main_service.worker beat ",),
    "keygen-worker": ("celery --quiet -A keygen_service.worker worker ",),
    "keygen-beat": ("celery --quiet -A keygen_service.worker beat ",),
}
STOP_ORDER = [
    ["web-1"],
    ["main-beat", "keygen-beat"],
    ["main-worker", "main-slow", "keygen-worker"],
    ["valkey", "postgres"],
]


def run(launcher: Launchers, *arguments: str, **environment: str) -> Launched:
    """Start everything with one web process on a free port, and wait until it is ready."""
    launched = launcher.start("run", "--port", "0", "--workers", "1", *arguments, **environment)
    launched.wait_for_text("Slipbin is ready: ")
    return launched


def address(launched: Launched) -> str:
    found = re.search(r"^Slipbin is ready: (http://127\.0\.0\.1:\d+)$", launched.out, re.MULTILINE)
    assert found
    return found[1]


def child(launched: Launched, name: str) -> psutil.Process:
    engines = {"postgres": ("/postgres ", " -D "), "valkey": ("/valkey-server ",)}
    return launched.process(*{**CHILDREN, **engines}[name])


def webs(launched: Launched) -> list[psutil.Process]:
    return [process for process in launched.children() if "serve" in process.cmdline()]


def front_page(launched: Launched) -> int:
    return httpx.get(address(launched), timeout=60, headers={"Accept": "text/html"}).status_code


def valkey(launched: Launched) -> "redis.Redis":
    return redis.Redis(unix_socket_path=str(launched.data / "run" / "valkey.sock"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """One for all tests that only look at it, with two web processes, and a shell that leads elsewhere."""
    shell = {"PGPORT": "1", "PGHOST": "elsewhere.invalid", "MAIN_REDIS_URL": "redis://elsewhere.invalid"}
    with empty_folder() as data, launchers(data, tmp_path_factory.mktemp("run")) as launcher:
        yield run(launcher, "--workers", "2", MAIN_SMTP_URL="", MAIN_METRICS_TOKEN=METRICS_TOKEN, **shell)


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """One for tests after which everything runs again, with addresses that an operator chose."""
    chosen = {"MAIN_PUBLIC_URL": "https://slip.example", "MAIN_SMTP_URL": "smtp://mail.example"}
    with empty_folder() as data, launchers(data, tmp_path_factory.mktemp("disturbed")) as launcher:
        yield run(launcher, **chosen)


def test_a_run_is_ready_when_it_answers_and_keys_are_there(running: Launched) -> None:
    assert front_page(running) == 200
    with valkey(running) as client:
        assert client.scard("keys:link") > 0
        assert client.scard("keys:paste") > 0
    assert f"Its data are in {running.data}. To stop it, press Ctrl-C or end process {running.pid}.\n" in running.out
    assert len(webs(running)) == 2
    assert len(running.children()) == 10


def test_settings_that_change_nothing_are_told(running: Launched) -> None:
    assert "WARNING: MAIN_REDIS_URL is set and not heeded" in running.out
    command = [sys.executable, "-m", "launcher", "main", "--data", str(running.data), "doctor", "--json"]
    environment = {**os.environ, "MAIN_BODY_STORE_URL": "s3://texts", "MAIN_BODY_STORE_ENDPOINT": "http://127.0.0.1:9"}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, check=False, timeout=120)

    told = [it["sentence"] for it in json.loads(done.stdout)["findings"] if it["level"] == "warning"]
    assert any(it.startswith("MAIN_BODY_STORE_ENDPOINT, MAIN_BODY_STORE_URL: set, and not heeded") for it in told), told


def test_a_second_run_on_the_same_data_is_refused_with_the_first_ones_address(
    running: Launched, tmp_path: Path
) -> None:
    second = Launched("run", running.data, "--port", "0", logs=tmp_path)
    assert second.wait_for_end() == 1
    assert second.popen.stdin
    second.popen.stdin.close()
    assert second.log == (
        f"launcher: The data folder {running.data} is in use by process {running.pid} ({address(running)}):"
        " stop that one first, or choose another folder with --data.\n"
    )
    assert front_page(running) == 200


def test_the_services_get_the_addresses_of_this_data_folder_whatever_the_shell_says(running: Launched) -> None:
    for web in webs(running):
        environment = web.environ()
        assert environment["MAIN_PUBLIC_URL"] == address(running)
        assert environment["MAIN_REDIS_URL"] == f"unix://{running.data}/run/valkey.sock?db=0"
        assert not [name for name in environment if name.startswith("PG")]


def test_emails_are_written_into_the_data_folder_unless_there_is_a_mail_server(running: Launched) -> None:
    outbox = running.data / "outbox"
    said = f"Emails are not sent but written to {outbox}, until MAIN_SMTP_URL names a server.\n"
    assert said in running.out
    worker = child(running, "main-worker")
    assert worker.environ()["MAIN_SMTP_URL"] == f"file://{outbox}"
    status = outbox.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (worker.uids().real, 0o700)


def test_our_services_run_as_the_engines_user_or_say_why_not(running: Launched) -> None:
    processes = [*webs(running), *(child(running, name) for name in CHILDREN if name != "web-1")]
    services = {process.uids().real for process in processes}
    engines = child(running, "postgres").uids().real
    is_said = "cannot read this program, so only the engines run as that user" in running.out
    assert services == ({os.geteuid()} if is_said else {engines})
    assert (running.data / "bodies").stat().st_uid == (running.data / "beat").stat().st_uid == services.pop()


def test_public_address_and_mail_server_that_were_chosen_are_kept(disturbed: Launched) -> None:
    assert child(disturbed, "web-1").environ()["MAIN_PUBLIC_URL"] == "https://slip.example"
    assert child(disturbed, "main-worker").environ()["MAIN_SMTP_URL"] == "smtp://mail.example"
    assert "Emails are not sent" not in disturbed.out


def assert_an_interrupt_stops_it_in_order(running: Launched) -> None:
    """Web, beats, workers, engines. Connections are refused as soon as no process is left to answer them."""
    port = int(address(running).rpartition(":")[2])
    left = {name: child(running, name) for group in STOP_ORDER for name in group}
    running.popen.send_signal(signal.SIGINT)
    gone: list[str] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while left and time.monotonic() < deadline:
        # The last first: one that ends after a look at it doesn't seem to have outlived a later one.
        ended = [name for name in reversed(left) if not is_alive(left[name])]
        gone += sorted(ended, key=lambda name: _group(name))
        left = {name: process for name, process in left.items() if name not in ended}
        if "web-1" in ended:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
    assert [_group(name) for name in gone] == [0, 1, 1, 2, 2, 2, 3, 3]
    assert running.wait_for_end() == 0
    assert_nothing_left(running.data)
    assert "killing it" not in running.log
    assert "starting it again" not in running.log


def _group(name: str) -> int:
    return next(number for number, group in enumerate(STOP_ORDER) if name in group)


def test_metrics_of_any_web_process_tell_of_all_processes(running: Launched) -> None:
    roles = dict.fromkeys([name for name in CHILDREN if name != "web-1"], 1) | {"web": 2}

    def told() -> dict[str, float]:
        with httpx.Client(base_url=address(running), timeout=60) as client:
            return read_metrics(client)

    eventually(
        lambda: told().get('slipbin_task_runs_total{outcome="success",task="main_service.heal_copies"}', 0) > 0, "a run"
    )

    def processes() -> dict[str, float | None]:
        figures = told()
        return {role: figures.get(f'slipbin_processes{{role="{role}"}}') for role in roles}

    # A beat and the worker of long tasks may take longer to start than what the run waits for.
    eventually(lambda: processes() == roles, f"each process once, not {processes()}")


def test_a_killed_run_leaves_no_process_and_the_next_has_its_data_and_stops_in_order(launcher: Launchers) -> None:
    # One test for both, because each start of everything takes as long as a hundred tests.
    first = run(launcher)
    key = create_paste(first, "kept")
    assert key
    file = launcher.data / "secrets.env"
    secrets = file.read_text()
    first.kill()
    assert_nothing_left(launcher.data)
    counted = set((launcher.data / "metrics").glob("*.db"))
    assert {path.name.partition("_")[0] for path in counted} == {"counter", "histogram", "gauge"}

    second = run(launcher)
    assert front_page(second) == 200
    assert read_paste(second, key) == "kept"
    assert not counted & set((launcher.data / "metrics").iterdir()), "figures of processes that ended long ago"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (secrets, 0o600)
    assert child(second, "web-1").environ()["MAIN_SECRET"] in secrets
    assert_an_interrupt_stops_it_in_order(second)


def test_every_killed_child_comes_back(disturbed: Launched) -> None:
    killed = {name: child(disturbed, name) for name in CHILDREN}
    # Another test may have killed one before.
    ends = {name: f"launcher | {name} ended (signal 9); starting it again in " for name in CHILDREN}
    before = {name: disturbed.log.count(end) for name, end in ends.items()}
    for process in killed.values():
        process.kill()
    for name, process in killed.items():
        disturbed.wait_for_text(ends[name], count=before[name] + 1)
        disturbed.wait_for_text(f"launcher | {name} runs again as process ", count=before[name] + 1)
        assert child(disturbed, name) != process
    assert ends["keygen-beat"] + "0.5 s\n" in disturbed.log
    eventually(lambda: front_page(disturbed) == 200, "the page after the engines that another test may have killed")
    # They work, too: the worker fills a pool that was emptied.
    with valkey(disturbed) as client:
        client.delete("keys:link")
        eventually(lambda: client.scard("keys:link"), "ready keys")


def test_a_visitor_who_comes_while_the_web_process_is_down_is_answered(disturbed: Launched) -> None:
    port = int(address(disturbed).rpartition(":")[2])
    # Suspended, the launcher starts nothing before the visitor has come.
    disturbed.popen.send_signal(signal.SIGSTOP)
    web = child(disturbed, "web-1")
    web.kill()
    eventually(lambda: not is_alive(web), "the end of the web process")
    again = "launcher | web-1 runs again as process "
    before = disturbed.log.count(again)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as visitor:
        visitor.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        disturbed.popen.send_signal(signal.SIGCONT)
        assert visitor.recv(100).startswith(b"HTTP/1.1 200 ")
    disturbed.wait_for_text(again, count=before + 1)


def test_killed_engines_do_not_end_the_service(disturbed: Launched) -> None:
    for name in ("postgres", "valkey"):
        child(disturbed, name).kill()
    for name in ("postgres", "valkey"):
        disturbed.wait_for_text(f"launcher | {name} runs again as process ")
    key = eventually(lambda: create_paste(disturbed, "after the crash"), "a paste after the engines came back")
    # Another connection to PostgreSQL than the one it was made by may only now be found broken.
    eventually(lambda: read_paste(disturbed, key) == "after the crash", "its text")


def create_paste(launched: Launched, text: str) -> str | None:
    """Create a paste; return its key, None if the service could not make it."""
    answer = httpx.post(f"{address(launched)}/api/v1/pastes", json={"text": text}, timeout=60)
    return str(answer.json()["key"]) if answer.status_code == 201 else None


def read_paste(launched: Launched, key: str) -> str:
    return httpx.get(f"{address(launched)}/{key}/raw", timeout=60).text


def test_a_failing_migration_is_shown_and_ends_everything(launcher: Launchers) -> None:
    engines = launcher.engines()
    programs = os.path.dirname(engines.postgres.exe())  # noqa: PTH120 - a text that psutil gives
    statement = "CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('beyond')"
    socket_folder = str(launcher.data / "run")
    subprocess.run(
        [f"{programs}/psql", "-q", "-h", socket_folder, "-U", "slipbin", "slipbin", "-c", statement], check=True
    )
    assert engines.stop() == 0

    running = launcher.start("run", "--port", "0")
    assert running.wait_for_end() == 1
    assert "migrate | " in running.out
    assert "beyond" in running.out
    assert running.err == "launcher: The database could not be brought up to date: migrate, exit 1.\n"
    assert_nothing_left(launcher.data)


@pytest.mark.parametrize("delay_ms", [600, 1200, 2000, 3000])
def test_a_signal_during_the_start_stops_everything(launcher: Launchers, delay_ms: int) -> None:
    early = launcher.start("run", "--port", "0")
    with pytest.raises(subprocess.TimeoutExpired):
        early.popen.wait(delay_ms / 1000)
    # On a busy machine Python itself may still be starting, and dies of the signal.
    assert early.stop() in (0, -signal.SIGTERM)
    assert_nothing_left(launcher.data)
