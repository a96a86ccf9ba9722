"""`python -m launcher engines`: what it prints, how it is stopped, and what it keeps."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import kombu
import psutil
import pytest

from tests.launcher.engine_clients import connect_to_valkey, connected_to_postgres
from tests.launcher.launched import (
    REPOSITORY,
    Launched,
    Launchers,
    assert_nothing_left,
    empty_folder,
    launchers,
)
from tests.support.waiting import eventually

STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """Engines for all tests that change nothing, started from a shell whose variables lead elsewhere."""
    shell = {"PGPORT": "1", "PGHOST": "elsewhere.invalid", "PGSSLMODE": "nonsense"}
    with empty_folder() as data, launchers(data, tmp_path_factory.mktemp("engines")) as launcher:
        started = launcher.start("engines", **shell)
        started.wait_for_text("ready\n")
        yield started


def test_what_is_started_may_open_as_many_files_as_the_system_allows(launcher: Launchers) -> None:
    """Started by a shell that would let it open few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1000, soft), hard))
    try:
        engines = launcher.engines()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    limits = Path(f"/proc/{engines.valkey.pid}/limits").read_text()
    assert limits.partition("Max open files")[2].split()[:2] == [str(hard), str(hard)]


def test_the_engines_command_prints_settings_and_then_ready(engines: Launched) -> None:
    data = engines.data
    socket = data / "run" / "valkey.sock"
    assert engines.out.splitlines() == [
        f"MAIN_DATABASE_URL=postgresql+asyncpg://slipbin@/slipbin?host={data}/run",
        f"MAIN_REDIS_URL=unix://{socket}?db=0",
        f"MAIN_BROKER_URL=redis+socket://{socket}?virtual_host=1",
        f"MAIN_BODY_STORE_URL=file://{data}/bodies",
        f"KEYGEN_REDIS_URL=unix://{socket}?db=0",
        f"KEYGEN_BROKER_URL=redis+socket://{socket}?virtual_host=1",
        f"MAIN_SMTP_URL=file://{data}/outbox",
        "ready",
    ]


async def test_both_engines_answer_at_the_printed_addresses_whatever_the_shell_says(engines: Launched) -> None:
    async with connected_to_postgres(engines) as connection:
        row = await connection.fetchrow(
            "SELECT current_database(), datlocprovider::text, datlocale, current_setting('TimeZone'),"
            " current_setting('server_encoding') FROM pg_database WHERE datname = current_database()"
        )
    assert tuple(row) == ("slipbin", "b", "C.UTF-8", "UTC", "UTF8")
    with connect_to_valkey(engines) as client:
        settings = client.config_get("appendonly", "appendfsync", "maxmemory-policy", "save")
    assert settings == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "save": "",
    }


async def test_a_data_folder_with_a_blank_and_signs_in_its_name_works(data: Path, tmp_path: Path) -> None:
    odd = data / 'a "b" c%20?#&=+:@\'ü\\'
    os.chmod(data, 0o755)  # noqa: PTH101 - the blocking kind is no matter here
    engines = Launched("engines", odd, logs=tmp_path)
    try:
        async with connected_to_postgres(engines):
            pass
        with connect_to_valkey(engines) as client:
            assert client.ping()
        with kombu.Connection(engines.addresses["MAIN_BROKER_URL"]) as broker:
            assert broker.default_channel.client.ping()
    finally:
        assert engines.stop() == 0
        engines.popen.stdin.close()
    assert_nothing_left(odd)


async def test_a_second_start_keeps_what_both_engines_hold(launcher: Launchers) -> None:
    first = launcher.engines()
    async with connected_to_postgres(first) as connection:
        await connection.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('there')")
    with connect_to_valkey(first) as client:
        client.set("kept", "there")
    assert first.stop() == 0

    second = launcher.engines()
    async with connected_to_postgres(second) as connection:
        assert await connection.fetchval("SELECT word FROM kept") == "there"
    with connect_to_valkey(second) as client:
        assert client.get("kept") == "there"


def test_the_engines_listen_on_no_port_and_their_folder_is_closed_to_others(engines: Launched) -> None:
    for process in (engines.postgres, engines.valkey):
        assert process.net_connections("inet") == []
    for folder in (engines.data, engines.data / "run"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_engines_never_run_as_root(engines: Launched) -> None:
    users = {process.uids() for process in (engines.postgres, engines.valkey)}
    (user,) = users
    expected = os.geteuid() or engines.data.stat().st_uid
    assert (user.real, user.effective, user.saved) == (expected, expected, expected)
    assert expected != 0
    own_groups = set(os.getgroups()) if os.geteuid() else set()
    status = Path(f"/proc/{engines.valkey.pid}/status").read_text()
    groups = {int(word) for word in status.split("Groups:")[1].splitlines()[0].split()}
    assert groups == own_groups


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_a_signal_stops_everything_cleanly_also_under_a_client_that_stays(
    launcher: Launchers, number: signal.Signals
) -> None:
    engines = launcher.engines()
    programs = Path(engines.postgres.exe()).parent
    async with connected_to_postgres(engines):
        assert engines.stop(number) == 0
        assert_nothing_left(launcher.data)
        assert "starting it again" not in engines.log
        assert "killing it" not in engines.log
    answer = subprocess.run(
        [programs / "pg_controldata", launcher.data / "postgres"], capture_output=True, check=True, text=True
    )
    state = next(line for line in answer.stdout.splitlines() if line.startswith("Database cluster state"))
    assert state.split(":")[1].strip() == "shut down"


def test_many_stop_signals_are_as_good_as_one(launcher: Launchers) -> None:
    engines = launcher.engines()
    # Not for ever: on a busy machine it would have time for nothing but signals.
    for _ in range(1_000):
        for number in STOP_SIGNALS:
            if engines.popen.poll() is None:
                engines.popen.send_signal(number)
    assert engines.wait_for_end() == 0, engines.log
    assert_nothing_left(launcher.data)


@pytest.mark.parametrize("delay_ms", [0, 120, 250, 400, 600])
def test_a_signal_during_the_start_leaves_no_process_and_a_usable_folder(launcher: Launchers, delay_ms: int) -> None:
    early = launcher.start("engines")
    with pytest.raises(subprocess.TimeoutExpired):
        early.popen.wait(delay_ms / 1000)
    # Python itself dies of a signal before our first line runs.
    assert early.stop() in (0, -signal.SIGTERM)
    assert_nothing_left(launcher.data)
    launcher.engines()


def test_the_end_of_standard_input_stops_the_engines(launcher: Launchers) -> None:
    engines = launcher.engines()
    assert engines.popen.stdin
    engines.popen.stdin.write(b"not yet\n")
    engines.popen.stdin.flush()
    engines.popen.stdin.close()
    assert engines.wait_for_end() == 0
    assert_nothing_left(launcher.data)


def test_engines_without_any_standard_input_stop_at_once(data: Path) -> None:
    command = [sys.executable, "-m", "launcher", "engines", "--data", str(data)]
    done = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert_nothing_left(data)


def test_a_second_launcher_on_the_folder_is_refused_with_the_first_ones_process(
    engines: Launched, tmp_path: Path
) -> None:
    second = Launched("engines", engines.data, logs=tmp_path)
    assert second.wait_for_end() == 1
    assert second.popen.stdin
    second.popen.stdin.close()
    assert second.err == (
        f"launcher: The data folder {engines.data} is in use by process {engines.pid} (its engines only):"
        " stop that one first, or choose another folder with --data.\n"
    )
    assert second.out == ""
    assert engines.postgres.is_running()


def test_a_terminals_interrupt_reaches_the_launcher_alone(launcher: Launchers, tmp_path: Path) -> None:
    leader, follower = os.openpty()
    # The launcher leads the session of this terminal, as `make run` in a shell does.
    program = (
        "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        "os.execv(sys.executable, [sys.executable, '-m', 'launcher', 'engines', '--data', sys.argv[1]])"
    )
    with (tmp_path / "out").open("wb") as out, (tmp_path / "err").open("wb") as err:
        popen = subprocess.Popen(
            [sys.executable, "-c", program, str(launcher.data)],
            cwd=REPOSITORY,
            stdin=follower,
            stdout=out,
            stderr=err,
        )
    os.close(follower)
    try:
        eventually(lambda: "ready\n" in (tmp_path / "out").read_text(), "ready")
        children = psutil.Process(popen.pid).children()
        assert len(children) == 3
        for child in children:
            assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
        os.write(leader, b"\x03")
        assert popen.wait(60) == 0
    finally:
        popen.kill()
        popen.wait()
        os.close(leader)
    assert "starting it again" not in (tmp_path / "err").read_text()
    assert_nothing_left(launcher.data)
