"""The code of the previous release, from git history, at work on the engines of the tests.

It runs on the packages that are installed for the code of today.
"""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.engines import REPOSITORY, START_SECONDS, full, temporary_folder
from tests.support.web import Process, WebServer

COMMIT = "f0d72ec9e95b880374a4fde9ba883c200c59910a"
"""What runs out there while an upgrade begins. When a release is made, this becomes its commit, by its full id (`git
rev-parse TAG^{commit}`), and test_beside_release_before.py loses what only the release before that one needed."""

_RUN_TASK = """
import sys
from main_service.worker import app

app.loader.import_default_modules()
app.tasks[sys.argv[1]]()
"""


@contextmanager
def release_before(commit: str = COMMIT) -> Iterator[Path]:
    """A folder with its code.

    Raises:
        AssertionError: git does not have it.
    """
    archive = _archive(commit)
    with temporary_folder() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(folder, filter="data")
        yield folder


def run_task(name: str, *, code: Path, environment: Mapping[str, str]) -> None:
    """Run a background task as the worker of the code in this folder does, once."""
    command = [sys.executable, "-c", _RUN_TASK, f"main_service.{name}"]
    subprocess.run(command, env=_environment(environment), cwd=code, timeout=START_SECONDS, check=True)


class ServerOfReleaseBefore(WebServer):
    def __init__(self, code: Path, environment: Mapping[str, str]) -> None:
        self._code = code
        super().__init__(environment)

    def _start(self) -> Process:
        descriptor = self._listener.fileno()
        command = [sys.executable, "-m", "main_service", "serve", "--fd", str(descriptor)]
        return subprocess.Popen(command, env=_environment(self._environment), cwd=self._code, pass_fds=[descriptor])


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Python finds the code where it is started, and not where the tests are."""
    return {name: value for name, value in full(settings).items() if name != "PYTHONPATH"}


def _archive(commit: str) -> bytes:
    command = ["git", "archive", "--format=tar", commit, "main_service", "static", "templates"]
    # The files may belong to another user than runs the tests, as in a container.
    trust = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    try:
        done = subprocess.run(command, cwd=REPOSITORY, env=os.environ | trust, capture_output=True, check=False)
    except FileNotFoundError:
        reason = "git is not installed"
    else:
        if done.returncode == 0:
            return done.stdout
        reason = done.stderr.decode().strip()
    raise AssertionError(
        f"The code of the previous release, commit {commit}, is not in the history of this clone: {reason}\n"
        "The test needs it all: clone without --depth, or run `git fetch --unshallow`."
    )
