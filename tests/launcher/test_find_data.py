"""Commands find the data folder on which Slipbin runs, if it is not named."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from launcher.data.folder import DataFolder
from launcher.data.lock import Lock
from tests.launcher.launched import PATIENCE_SECONDS, REPOSITORY, empty_folder


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The launcher's code in a place of its own: those that other tests run are not its own."""
    shutil.copytree(REPOSITORY / "launcher", tmp_path / "launcher")
    return tmp_path


@contextmanager
def running(copied: Path, data: Path, *, address: str = "http://127.0.0.1:8000") -> Iterator[None]:
    """What a launcher leaves to be seen: the lock that it holds, and its watchdog."""
    lock = Lock(DataFolder(data, None), address=address)
    script = copied / "launcher" / "supervision" / "watchdog.py"
    with subprocess.Popen([sys.executable, script, data], stdin=subprocess.PIPE) as watchdog:
        try:
            yield
        finally:
            watchdog.kill()
            lock.release()


def logs(copied: Path, **environment: str) -> str:
    """What `logs` says: that there are none in the folder it has found."""
    done = subprocess.run(
        [sys.executable, "-m", "launcher", "logs", "--no-follow"],
        cwd=copied,
        # No folder of its own user is looked for.
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.stdout + done.stderr


def test_folder_on_which_it_runs_is_found(copied: Path) -> None:
    with empty_folder() as data, empty_folder() as engines_alone, ExitStack() as stack:
        stack.enter_context(running(copied, data))
        stack.enter_context(running(copied, engines_alone, address="its engines only"))
        found = logs(copied)

    assert f"This is about the data folder {data}, on which Slipbin runs." in found


def test_folder_that_is_named_is_taken(copied: Path) -> None:
    with empty_folder() as data, empty_folder() as other, running(copied, data):
        found = logs(copied, DATA=str(other))

    assert str(data) not in found
    assert str(other) in found


def test_one_of_several_must_be_named(copied: Path) -> None:
    with empty_folder() as one, empty_folder() as two, running(copied, one), running(copied, two):
        told = logs(copied, SLIPBIN_MAKE="1")

    assert told == f"launcher: Slipbin runs on several data folders ({', '.join(sorted(map(str, (one, two))))}): " + (
        "choose one with DATA=….\n"
    )
