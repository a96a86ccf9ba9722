"""A launcher on a terminal: a quiet start with a box, warnings, log files, an end by Ctrl-C."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from launcher.log_files import MAX_FILE_BYTES, OLD_FILES, LogFile
from launcher.run_user import find_run_user
from launcher.terminal import Terminal, draw_box
from tests.faults.own_mounts import own_mounts
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
        terminal.wait_for("Stop ")
        yield terminal
        terminal.press(b"\x03")
        assert terminal.popen.wait(PATIENCE_SECONDS) == 0
        assert terminal.shown.endswith("Slipbin has stopped.\n")
    assert_nothing_left(folder)


def logs(data: Path, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "launcher", "logs", "--data", str(data), "--no-follow", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)
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
    show = "import os; from launcher.terminal import find_terminal; print(find_terminal(1, os.environ))"
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


def test_log_file_is_bounded_in_size_and_number(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "part.log", None)
    line = b"x" * 8000
    for _ in range((OLD_FILES + 3) * MAX_FILE_BYTES // 8000):
        assert file.write(line) is None
    file.write(b"the last")

    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == ["part.log", *(f"part.log.{number}" for number in range(1, OLD_FILES + 1))]
    assert all(path.stat().st_size <= MAX_FILE_BYTES for path in tmp_path.iterdir())
    assert (tmp_path / "part.log").read_text().endswith("Z the last\n")
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())


FULL_DISK = """
import os, sys
from pathlib import Path
from launcher.log_files import LogFile
folder = Path(sys.argv[1])
file = LogFile(folder / "logs" / "part.log", None)
file.write(b"before")
ballast = folder / "ballast"
with ballast.open("wb", buffering=0) as filling:
    try:
        while filling.write(bytes(4096)): pass
    except OSError: pass
failures = [file.write(b"x" * 3000) for _ in range(50)]
assert any(failures), failures
ballast.unlink()
assert file.write(b"after") is None
print((folder / "logs" / "part.log").read_text())
"""


def test_full_disk_loses_lines_and_says_how_many(tmp_path: Path) -> None:
    mount = ["sh", "-c", 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"', str(tmp_path)]
    command = [*own_mounts(), *mount, sys.executable, "-c", FULL_DISK, str(tmp_path)]

    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode == 0, done.stderr
    lines = [line.partition("Z ")[2] for line in done.stdout.splitlines()]
    assert lines[0] == "before"
    assert any(line.endswith("lines are missing here: they could not be written.") for line in lines)
    assert [line for line in lines if line][-1] == "after"


def test_full_disk_stops_nothing_that_runs(tmp_path: Path) -> None:
    """The folder can't even be made; the launcher says so once and goes on."""
    nowhere = tmp_path / "file" / "logs"
    (tmp_path / "file").touch()
    count = "i=0; while true; do i=$((i+1)); echo WARNING line $i; sleep 0.05; done"
    with OnTerminal((*SMALL, str(tmp_path / "x"), f"part={count}"), environment={"LOGS": str(nowhere)}) as terminal:
        terminal.wait_for("line 20")
        assert terminal.shown.count("can't be written: Not a directory. Slipbin goes on without it.") == 1
        assert terminal.popen.poll() is None


def test_file_that_was_moved_away_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.log_files.LOOK_AFTER", timedelta(0))
    path = tmp_path / "part.log"
    file = LogFile(path, None)
    file.write(b"old")
    path.rename(tmp_path / "kept")

    file.write(b"new")

    assert "new" in path.read_text()
    assert "new" not in (tmp_path / "kept").read_text()


def test_logs_follows_what_is_added_over_rotations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.log_files.MAX_FILE_BYTES", 400)
    with empty_folder() as data:
        owner = find_run_user(os.environ)
        if owner:
            os.chown(data, owner.uid, owner.gid)
        (data / "lock").touch()
        part, other = (LogFile(data / "logs" / f"{name}.log", owner) for name in ("part", "other"))
        part.write(b"line 0")
        other.write(b"not chosen")
        follow = (sys.executable, "-m", "launcher", "logs", "--data", str(data), "part")
        with OnTerminal(follow, environment={}) as terminal:
            terminal.wait_for("line 0\n")
            # Some of the bursts begin in one file and end in the next.
            for burst in range(6):
                for number in range(burst * 5 + 1, burst * 5 + 6):
                    part.write(f"line {number}".encode())
                    other.write(b"not chosen")
                terminal.wait_for(f"line {burst * 5 + 5}\n")
            part.write(b"a \033[2J that would clear the screen")
            terminal.wait_for("would clear")
            terminal.press(b"\x03")
            assert terminal.popen.wait(PATIENCE_SECONDS) == 0
        assert (data / "logs" / "part.log.1").exists()

    shown = [line.rpartition("Z ")[2] for line in terminal.styled.splitlines() if "line " in line]
    assert shown == [f"line {number}" for number in range(31)]
    assert "not chosen" not in terminal.styled
    assert "\033[2J" not in terminal.styled
