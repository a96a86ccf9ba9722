"""A launcher on a terminal: a quiet start with a box, warnings, an end by Ctrl-C."""

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from launcher.logs.terminal import Terminal, draw_box
from tests.launcher.launched import (
    PATIENCE_SECONDS,
    REPOSITORY,
    assert_nothing_left,
    command_of,
    empty_folder,
    is_alive,
)
from tests.launcher.on_terminal import OnTerminal
from tests.support.waiting import eventually

SMALL = (sys.executable, "-m", "tests.launcher.small_launcher")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with empty_folder() as path:
        yield path


@pytest.fixture(scope="module")
def quiet_run(folder: Path) -> Iterator[OnTerminal]:
    """All of Slipbin, on one terminal for the tests that look at it."""
    run = (sys.executable, "-m", "launcher", "run", "--port", "0", "--workers", "1", "--data", str(folder))
    with OnTerminal(run, environment={"MAIN_SMTP_URL": ""}) as terminal:
        terminal.wait_for("Slipbin is ready")
        # The end of the box.
        terminal.wait_for("╯")
        yield terminal
        terminal.press(b"\x03")
        assert terminal.popen.wait(PATIENCE_SECONDS) == 0
        # Its last words may not have been read yet.
        terminal.wait_for("Slipbin has stopped.\n")
        assert terminal.shown.endswith("Slipbin has stopped.\n")
    assert_nothing_left(folder)


def logs(data: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "launcher", "logs", "--data", str(data), "--no-follow", *arguments]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    return done.returncode, done.stdout + done.stderr


def log_of(data: Path, name: str) -> str:
    file = data / "logs" / f"{name}.log"
    return file.read_text() if file.exists() else ""


def test_start_ends_with_a_box_that_says_where_what_is_and_how_to_stop(quiet_run: OnTerminal, folder: Path) -> None:
    box = quiet_run.shown[quiet_run.shown.index("╭") : quiet_run.shown.index("╯") + 1].splitlines()

    assert {len(line) for line in box} == {len(box[0])}
    assert "Slipbin is ready: http://127.0.0.1:" in box[1]
    for part in (f"{folder}/outbox", f"Data    {folder}", f"{folder}/logs", "status", "doctor", "Ctrl-C"):
        assert any(part in line for line in box), (part, box)
    assert f"end process {quiet_run.popen.pid}" in "".join(box)
    assert "\033[1mSlipbin is ready" in quiet_run.styled


def test_noise_is_in_private_files_and_not_on_the_terminal(quiet_run: OnTerminal, folder: Path) -> None:
    eventually(lambda: "ready" in log_of(folder, "main-worker"), "the worker's lines")

    assert "database system is ready to accept connections" in log_of(folder, "postgres")
    assert "The schema is up to date" in log_of(folder, "migrate")
    for noise in ("postgres |", "migrate |", "INFO", "valkey |"):
        assert noise not in quiet_run.shown.partition(" ended (")[0]
    for file in (folder / "logs").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "logs").stat().st_mode) == 0o700


def test_part_that_dies_shows_its_last_lines_and_its_file(quiet_run: OnTerminal, folder: Path) -> None:
    eventually(lambda: "ready" in log_of(folder, "main-slow"), "the worker's lines")
    children = [it for it in psutil.Process(quiet_run.popen.pid).children() if is_alive(it)]
    [worker] = [it for it in children if "main_service.slow" in command_of(it)]

    worker.kill()

    quiet_run.wait_for("main-slow ended (signal 9); starting it again in 0.5 s")
    quiet_run.wait_for(f"more of main-slow is in {folder}/logs/main-slow.log")
    quiet_run.wait_for("main-slow runs again")
    death = quiet_run.shown.index("main-slow ended")
    assert "main-slow | " in quiet_run.shown[death:]
    assert "main-slow ended" in log_of(folder, "launcher")


def test_beat_that_hangs_is_restarted_and_has_a_log_although_it_says_nothing(
    quiet_run: OnTerminal, folder: Path
) -> None:
    [beat] = [
        it for it in psutil.Process(quiet_run.popen.pid).children() if "main_service.worker beat" in command_of(it)
    ]
    beat.suspend()
    command = [sys.executable, "-m", "launcher", "restart", "--data", str(folder), "main-beat"]

    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )

    assert done.returncode == 0, done.stderr
    quiet_run.wait_for("main-beat runs again")
    assert not is_alive(beat)
    status, said = logs(folder, "main-beat")
    assert (status, f"process {beat.pid} starts" in said) == (0, True), said


def test_logs_shows_the_last_lines_of_all_or_of_some(quiet_run: OnTerminal, folder: Path) -> None:
    status, said = logs(folder, "--lines", "3")
    assert status == 0, said
    names = [line.partition(" | ")[0].strip() for line in said.splitlines()]
    assert {"postgres", "migrate", "launcher"} <= set(names)
    assert max(names.count(name) for name in names) == 3
    times = [line.partition(" | ")[2].partition(" ")[0] for line in said.splitlines()]
    assert times == sorted(times)

    status, said = logs(folder, "migrate")
    assert status == 0
    assert {line.partition(" | ")[0] for line in said.splitlines()} == {"migrate"}
    assert logs(folder, "web-9")[0] == 1
    assert "There is no log of web-9" in logs(folder, "web-9")[1]


def test_logs_says_where_lines_are_if_there_are_no_files() -> None:
    with empty_folder() as data:
        data.chmod(0o755)
        status, said = logs(data)
    assert (status, "its standard output" in said) == (1, True), said


LEVELS = """
echo 'INFO main_service: quiet'
echo '  more of it'
echo 'WARNING main_service: mind this'
echo '  because of that'
echo '2026-01-01T00:00:00.000Z INFO main_service.mail.tasks: quiet with a time'
echo '2026-01-01T00:00:00.000Z WARNING main_service.mail.tasks: loud with a time'
echo '[2026-01-01 00:00:00,000: INFO/MainProcess] celery is quiet'
echo '[2026-01-01 00:00:00,000: ERROR/MainProcess] celery minds'
echo '{"level": "info", "message": "quiet JSON"}'
echo '{"level": "error", "message": "loud JSON"}'
echo 'DEBUG quiet'
echo 'Traceback (most recent call last):'
echo '  File somewhere'
echo 'INFO the end'
exec sleep 1000
"""


def test_warnings_are_shown_with_what_belongs_to_them(tmp_path: Path) -> None:
    command = (*SMALL, str(tmp_path / "label"), f"part={LEVELS}")
    with OnTerminal(command, environment={"LOGS": str(tmp_path)}) as terminal:
        eventually(lambda: "INFO the end" in _read(tmp_path / "part.log"), "all lines")
        # The file may have them a moment before the terminal.
        terminal.wait_for("File somewhere")

        shown = [line.removeprefix("part | ") for line in terminal.shown.splitlines() if line.startswith("part | ")]

        assert shown == [
            "WARNING main_service: mind this",
            "  because of that",
            "2026-01-01T00:00:00.000Z WARNING main_service.mail.tasks: loud with a time",
            "[2026-01-01 00:00:00,000: ERROR/MainProcess] celery minds",
            '{"level": "error", "message": "loud JSON"}',
            "Traceback (most recent call last):",
            "  File somewhere",
        ]
    written = _read(tmp_path / "part.log")
    assert all(word in written for word in ("quiet\n", "more of it", "quiet JSON", "mind this"))
    # Programs read lines of JSON as they are.
    assert '\n{"level": "info"' in written
    assert "\n2026-01-01T00:00:00.000Z INFO main_service.mail.tasks: quiet with a time\n" in written


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


ROWS = [("Data", "/srv/slipbin"), ("Stop", "Ctrl-C")]


@pytest.mark.parametrize(("columns", "has_frame"), [(21, False), (22, True), (200, True)])
def test_box_that_is_wider_than_the_terminal_has_no_frame(columns: int, has_frame: bool) -> None:
    lines = draw_box("Slipbin", ROWS, Terminal(columns=columns, has_color=False, has_unicode=True))

    assert ("╭" in lines[0]) == has_frame
    assert any("Data  /srv/slipbin" in line for line in lines)
    assert all(len(line) <= columns for line in lines)


def test_plain_terminal_gets_plain_signs(tmp_path: Path) -> None:
    assert draw_box("A", [("B", "c")], Terminal(columns=80, has_color=False, has_unicode=False)) == [
        "+------+",
        "| A    |",
        "|      |",
        "| B  c |",
        "+------+",
    ]
    show = "import os; from launcher.logs.terminal import find_terminal; print(find_terminal(1, os.environ))"
    for environment, has_color, has_unicode in (
        ({}, True, True),
        ({"NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
        ({"LC_ALL": "C"}, True, False),
    ):
        with OnTerminal((sys.executable, "-c", show), columns=77, environment=environment) as terminal:
            terminal.popen.wait(60)
        expected = Terminal(columns=77, has_color=has_color, has_unicode=has_unicode)
        assert terminal.shown.strip() == str(expected)
