"""The log files that a launcher on a terminal writes, and the command that follows them."""

import os
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from launcher.logs.log_files import MAX_FILE_BYTES, OLD_FILES, LogFile
from launcher.run_user import find_run_user
from tests.faults.own_mounts import own_mounts
from tests.launcher.launched import (
    PATIENCE_SECONDS,
    REPOSITORY,
    empty_folder,
)
from tests.launcher.on_terminal import OnTerminal

SMALL = (sys.executable, "-m", "tests.launcher.small_launcher")


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
from launcher.logs.log_files import LogFile
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
    monkeypatch.setattr("launcher.logs.log_files.LOOK_AFTER", timedelta(0))
    path = tmp_path / "part.log"
    file = LogFile(path, None)
    file.write(b"old")
    path.rename(tmp_path / "kept")

    file.write(b"new")

    assert "new" in path.read_text()
    assert "new" not in (tmp_path / "kept").read_text()


def test_logs_follows_what_is_added_over_rotations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launcher.logs.log_files.MAX_FILE_BYTES", 400)
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
