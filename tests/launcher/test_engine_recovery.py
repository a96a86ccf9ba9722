"""What kills, crashes and half-done work leave behind, and how the next start deals with it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from launcher.data.folder import DataFolder
from launcher.engines.binaries import find_postgres, find_valkey, make_executable
from launcher.engines.postgres import postgres_program
from launcher.engines.valkey import valkey_program
from launcher.run_user import credentials, find_run_user
from launcher.supervision.program import Program
from tests.launcher.engine_clients import connect_to_valkey, connected_to_postgres
from tests.launcher.launched import Launched, Launchers, assert_nothing_left, is_alive
from tests.support.waiting import eventually


def own(path: Path) -> None:
    """Give a file to the user of the engines."""
    owner = path.parent.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


@contextmanager
def stranger() -> Iterator["subprocess.Popen[bytes]"]:
    """A living process of the engines' user that has nothing to do with the data folder."""
    with subprocess.Popen(["sleep", "600"], **credentials(find_run_user({}))) as popen:
        try:
            yield popen
        finally:
            popen.kill()


def test_a_killed_launcher_leaves_no_process_and_the_next_start_works(launcher: Launchers) -> None:
    launcher.engines().kill()
    assert_nothing_left(launcher.data)
    launcher.engines()


def test_starts_right_after_kills_work(launcher: Launchers) -> None:
    for _ in range(3):
        launcher.engines().kill()
    launcher.engines()


def test_a_launcher_killed_while_it_starts_leaves_no_process(launcher: Launchers) -> None:
    for delay_ms in (150, 250, 350, 500):
        early = launcher.start("engines")
        with pytest.raises(subprocess.TimeoutExpired):
            early.popen.wait(delay_ms / 1000)
        early.kill()
        assert_nothing_left(launcher.data)
    launcher.engines()


def test_a_launcher_killed_while_its_watchdog_is_stuck_gets_a_good_next_start(launcher: Launchers) -> None:
    engines = launcher.engines()
    watchdog, children = engines.watchdog, [engines.postgres, engines.valkey]
    watchdog.suspend()
    engines.kill()
    try:
        # Only Linux tells a child that its parent died; elsewhere the next start finds and stops the engines.
        if sys.platform == "linux":
            eventually(lambda: not any(is_alive(child) for child in children), "the end of both engines")
    finally:
        watchdog.kill()
    launcher.engines()


async def test_killed_engines_come_back_with_their_data(launcher: Launchers) -> None:
    engines = launcher.engines()
    async with connected_to_postgres(engines) as connection:
        await connection.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('there')")
    with connect_to_valkey(engines) as client:
        client.set("kept", "there")

    for name, process in (("postgres", engines.postgres), ("valkey", engines.valkey)):
        process.kill()
        engines.wait_for_text(f"launcher | {name} ended (signal 9); starting it again in 0.5 s")
        engines.wait_for_text(f"launcher | {name} runs again as process ")

    async with connected_to_postgres(engines) as connection:
        assert await connection.fetchval("SELECT word FROM kept") == "there"
    with connect_to_valkey(engines) as client:
        assert client.get("kept") == "there"


def test_an_engine_that_dies_again_and_again_is_started_after_longer_and_longer_waits(
    launcher: Launchers,
) -> None:
    engines = launcher.engines()
    for times, wait in enumerate(["0.5", "1", "2"], start=1):
        began = time.monotonic()
        engines.valkey.kill()
        engines.wait_for_text(f"valkey ended (signal 9); starting it again in {wait} s")
        engines.wait_for_text("valkey runs again", count=times)
        assert time.monotonic() - began >= float(wait)


def test_a_killed_watchdog_is_replaced(launcher: Launchers) -> None:
    engines = launcher.engines()
    killed = engines.watchdog
    killed.kill()
    engines.wait_for_text("launcher | the watchdog ended (signal 9); starting it again")
    eventually(lambda: engines.watchdog != killed, "another watchdog")
    assert engines.stop() == 0


@pytest.mark.parametrize("rival", ["dead", "zombie", "living"])
def test_a_stale_process_id_in_postmaster_pid_does_not_stop_the_start(launcher: Launchers, rival: str) -> None:
    first = launcher.engines()
    files = [launcher.data / "postgres" / "postmaster.pid", launcher.data / "run" / ".s.PGSQL.5432.lock"]
    texts = [file.read_text() for file in files]
    first.stop()
    with stranger() as popen:
        if rival != "living":
            popen.kill()
        if rival == "zombie":
            eventually(lambda: Path(f"/proc/{popen.pid}/stat").read_text().split()[2] == "Z", "a zombie")
        if rival == "dead":
            popen.wait()
        for file, text in zip(files, texts, strict=True):
            file.write_text(f"{popen.pid}\n{text.partition(chr(10))[2]}")
            own(file)
        engines = launcher.engines()
        assert (popen.returncode is None) == (rival != "dead")
    assert "FATAL" not in engines.log


@pytest.mark.parametrize("kill_when", ["postgres.unfinished", "postgres.unfinished/base/4"])
def test_a_start_killed_during_initdb_leaves_no_broken_cluster(launcher: Launchers, kill_when: str) -> None:
    first = launcher.start("engines")
    eventually((launcher.data / kill_when).exists, kill_when)
    first.kill()
    assert_nothing_left(launcher.data)
    assert not (launcher.data / "postgres").exists()
    launcher.engines()
    assert not (launcher.data / "postgres.unfinished").exists()


@contextmanager
def run_alone(program: Program) -> Iterator["subprocess.Popen[bytes]"]:
    """An engine that no launcher knows."""
    popen = subprocess.Popen(
        program.command,
        env=dict(program.environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **credentials(program.user),
    )
    with popen:
        try:
            yield popen
        finally:
            popen.kill()


def test_engines_left_by_an_earlier_launcher_are_stopped_first(launcher: Launchers) -> None:
    launcher.engines().stop()
    data = DataFolder(launcher.data, find_run_user(os.environ))
    postgres, valkey = find_postgres({}), find_valkey({})
    programs = [
        postgres_program(data, make_executable(postgres, data)),
        valkey_program(data, make_executable(valkey, data) / valkey.server),
    ]
    with run_alone(programs[0]) as left_postgres, run_alone(programs[1]) as left_valkey:
        eventually(data.postgres_socket.exists, "PostgreSQL's socket")
        eventually(data.valkey_socket.exists, "Valkey's socket")
        # PostgreSQL writes its own process id; for Valkey its launcher did.
        (data.run / "valkey.pid").write_text(f"{left_valkey.pid}\n")
        engines = launcher.engines()
        for left in (left_postgres, left_valkey):
            assert f"had left running as process {left.pid}" in engines.log
            assert left.wait(60) == 0


def test_a_stranger_with_the_number_of_an_old_engine_is_left_alone(launcher: Launchers) -> None:
    launcher.engines().stop()
    with stranger() as popen:
        for name in ("postgres", "valkey"):
            (launcher.data / "run" / f"{name}.pid").write_text(f"{popen.pid}\n")
        launcher.engines()
        assert popen.poll() is None


def refused(launched: Launched) -> str:
    """The sentence that a start ended with."""
    assert launched.wait_for_end() == 1
    return launched.err.rpartition("launcher: ")[2]


def test_a_cluster_of_another_major_version_is_refused_and_kept(launcher: Launchers) -> None:
    launcher.engines().stop()
    version = launcher.data / "postgres" / "PG_VERSION"
    version.write_text("17\n")
    assert refused(launcher.start("engines")).startswith(
        f"The data in {launcher.data}/postgres are of PostgreSQL 17, and the installed programs of 18: install"
    )
    version.write_text("18\n")
    launcher.engines()


def test_a_folder_that_is_no_cluster_is_refused(launcher: Launchers) -> None:
    launcher.engines().stop()
    (launcher.data / "postgres" / "PG_VERSION").unlink()
    sentence = f"{launcher.data}/postgres is not a PostgreSQL cluster: restore it, or move it away.\n"
    assert refused(launcher.start("engines")) == sentence
