"""`python -m launcher main …`: a command of main_service on what a launcher runs."""

import subprocess
import sys
from pathlib import Path

from tests.launcher.launched import PATIENCE_SECONDS, REPOSITORY, Launchers


def command(data: Path, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Exit status, and all that it says."""
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "main", "--data", str(data), *arguments],
        cwd=REPOSITORY,
        input=typed,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_superuser_is_made_where_a_launcher_runs(launcher: Launchers) -> None:
    create = ("create-superuser", "--email", "ada@example.org")
    running = launcher.engines()

    assert command(launcher.data, "migrate")[0] == 0
    weak = command(launcher.data, *create, typed="weak\n")
    assert (weak[0], "8 characters" in weak[1]) == (1, True), weak
    assert command(launcher.data, *create, typed="Wonderful-1\n")[0] == 0
    again = command(launcher.data, *create, typed="Wonderful-1\n")
    assert (again[0], "--promote" in again[1]) == (1, True), again

    running.stop()
    stopped = command(launcher.data, *create, typed="Wonderful-1\n")
    assert (stopped[0], "make run" in stopped[1]) == (1, True), stopped


def test_doctor_and_status_say_that_nothing_runs(launcher: Launchers) -> None:
    running = launcher.engines()
    assert command(launcher.data, "migrate")[0] == 0
    running.stop()

    for name, told in (("doctor", "There is no socket"), ("status", "database AWAY")):
        status, said = command(launcher.data, name)
        assert (status, "Nothing runs on the data folder" in said, told in said) == (1, True, True), said


def test_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "typo"

    status, said = command(missing, "cleanup")

    assert (status, "There is no data folder" in said, missing.exists()) == (1, True, False), said
