"""Runs background tasks: the function alone, or a real Celery worker that is sent them as by its beat."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

from tests.running import REPOSITORY, START_SECONDS, Environment, full

ALONE = ("--without-mingle", "--without-gossip", "--without-heartbeat")


def run_task(module: str, function: str, *, environment: Environment) -> None:
    """Run a task to its end, in a process as a worker's."""
    code = f"from {module} import {function}; {function}()"
    subprocess.run(
        [sys.executable, "-c", code], env=full(environment), cwd=REPOSITORY, check=True, timeout=START_SECONDS
    )


class Worker:
    """A Celery worker of `app`, as the launcher starts it; what it writes is in `log`."""

    def __init__(self, app: str, *arguments: str, environment: Environment, log: Path) -> None:
        self._log = log
        self._broker_url = environment["MAIN_BROKER_URL"]
        command = ("celery", "--quiet", "-A", app, "worker", *arguments, *ALONE, "--loglevel", "INFO")
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env={**full(environment), "PYTHONUNBUFFERED": "1"},
                cwd=REPOSITORY,
                stdout=output,
                stderr=output,
            )

    def wait_for(self, words: str) -> None:
        """Until it has written these words."""
        deadline = time.monotonic() + START_SECONDS
        while words not in self._log.read_text():
            assert self.process.poll() is None, f"the worker ended:\n{self._log.read_text()}"
            assert time.monotonic() < deadline, f"the worker never wrote {words!r}:\n{self._log.read_text()}"
            time.sleep(0.02)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
