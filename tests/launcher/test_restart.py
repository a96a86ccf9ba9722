"""`python -m launcher restart`: ends programs that a launcher runs, also those that hang, and sees them come back."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from launcher.run_user import find_run_user
from tests.launcher.launched import PATIENCE_SECONDS, REPOSITORY, Launched, empty_folder, is_alive, launchers


def restart(data: Path, *names: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "restart", "--data", str(data), *names],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def kept_engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """Engines that the tests of this module restart."""
    with empty_folder() as data, launchers(data, tmp_path_factory.mktemp("engines")) as launcher:
        yield launcher.engines()


def test_program_that_hangs_is_ended_and_comes_back(kept_engines: Launched) -> None:
    hung = kept_engines.valkey
    hung.suspend()

    status, said = restart(kept_engines.data, "valkey")

    again = kept_engines.valkey
    assert (status, again.pid != hung.pid, is_alive(hung)) == (0, True, False), said
    assert f"valkey: process {hung.pid} has ended" in said
    assert f"valkey: runs again as process {again.pid}" in said


def test_program_that_heeds_no_signal_is_killed_after_its_grace(kept_engines: Launched) -> None:
    stubborn = kept_engines.valkey
    # As if it did not stop: the signal it is asked by means nothing to it.
    (kept_engines.data / "run" / "valkey.pid").write_text(f"{stubborn.pid}\n{int(signal.SIGWINCH)} 0.2\n")

    status, said = restart(kept_engines.data, "valkey")

    assert (status, is_alive(stubborn)) == (0, False), said
    assert "was killed" in said
    kept_engines.wait_for_text("valkey ended (signal 9)")


def test_unknown_name_lists_what_there_is_and_ends_nothing(kept_engines: Launched) -> None:
    before = kept_engines.postgres, kept_engines.valkey

    unknown = restart(kept_engines.data, "valkey", "main-beat")
    unnamed = restart(kept_engines.data)

    assert unknown == (1, "launcher: There is no program main-beat. There are: postgres, valkey.\n")
    assert unnamed == (1, "launcher: Say which programs to restart. There are: postgres, valkey.\n")
    assert (kept_engines.postgres, kept_engines.valkey) == before


def test_process_that_is_no_child_of_the_launcher_is_left_alone(kept_engines: Launched) -> None:
    """The process id in a file may have been given to another process since."""
    stranger = subprocess.Popen(["/bin/sleep", "600"])
    file = kept_engines.data / "run" / "valkey.pid"
    right = file.read_text()
    try:
        file.write_text(f"{stranger.pid}\n{int(signal.SIGTERM)} 0.2\n")
        status, said = restart(kept_engines.data, "valkey")

        assert (status, "does not run at the moment" in said) == (1, True), said
        assert stranger.poll() is None
    finally:
        file.write_text(right)
        stranger.kill()
        stranger.wait()


def test_nothing_runs(data: Path) -> None:
    missing = restart(data / "typo", "main-beat")
    if owner := find_run_user(os.environ):
        os.chown(data, owner.uid, owner.gid)
    (data / "lock").touch()
    idle = restart(data, "main-beat")

    assert (missing[0], "There is no data folder" in missing[1]) == (1, True), missing
    assert (idle[0], "Nothing runs on the data folder" in idle[1]) == (1, True), idle
