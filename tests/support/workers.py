"""Runs background tasks: the function alone, or a real Celery worker that is sent them as by its beat."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

from tests.support import forking
from tests.support.engines import START_SECONDS, Environment, full
from tests.support.waiting import eventually

ALONE = ("--without-mingle", "--without-gossip", "--without-heartbeat")
DEFAULT_QUEUE = ("--queues", "main_service", "--pool", "threads", "--concurrency", "4")
SLOW_QUEUE = ("--queues", "main_service.slow", "--pool", "threads", "--concurrency", "3")


def code_of(name: str) -> str:
    """Python code that runs a task to its end."""
    return f"from main_service.worker import app; app.tasks['main_service.{name}']()"


def run_task(name: str, *, environment: Environment) -> None:
    """Run a task to its end, in a process as a worker's."""
    run_code(code_of(name), environment=environment)


def run_code(code: str, *, environment: Environment) -> None:
    done = forking.run("-c", code, environment=full(environment), timeout=START_SECONDS)
    sys.stderr.write(done.stderr.decode())
    assert done.returncode == 0


def send_task(name: str, *, environment: Environment) -> None:
    """Send a task, as main_service's beat does."""
    with Celery(broker=environment["MAIN_BROKER_URL"]) as app, app.connection_for_write() as connection:
        app.send_task(name, queue="main_service", connection=connection, ignore_result=True)


def send_routed_tasks(*names: str, environment: Environment) -> None:
    """Each to the queue that main_service chooses for it."""
    code = f"from main_service.worker import app\nfor name in {names}: app.send_task(name)"
    run_code(code, environment=environment)


class CeleryProcess:
    """A process of Celery, a worker or a beat, as the launcher starts it; what it writes is in `log`."""

    def __init__(self, app: str, *arguments: str, environment: Environment, log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            command = ("-m", "celery", "--quiet", "-A", app, *arguments)
            self.process = forking.start(*command, environment=full(environment), stdout=output, stderr=output)

    def wait_for(self, words: str) -> None:
        """Wait until it has written these words."""

        def is_written() -> bool:
            # In this order: it may write them and end between two looks.
            has_ended = self.process.poll() is not None
            written = self._log.read_text()
            assert words in written or not has_ended, f"it ended:\n{written}"
            return words in written

        eventually(is_written, f"{words!r} in {self._log}")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def main_worker(
    environment: Environment, log: Path, *, kind: tuple[str, ...] = DEFAULT_QUEUE
) -> Iterator[CeleryProcess]:
    """A worker, killed at the end if it was not before."""
    worker = CeleryProcess("main_service.worker", "worker", *kind, *ALONE, environment=environment, log=log)
    try:
        yield worker
    finally:
        worker.kill()


@contextmanager
def main_beat(environment: Environment, folder: Path) -> Iterator[CeleryProcess]:
    schedule = ("--schedule", str(folder / "schedule"))
    log = folder / "beat.log"
    beat = CeleryProcess("main_service.worker", "beat", *schedule, environment=environment, log=log)
    try:
        yield beat
    finally:
        beat.kill()


@contextmanager
def keygen_beat(environment: Environment, folder: Path) -> Iterator[CeleryProcess]:
    arguments = ("beat", "--schedule", str(folder / "keygen"))
    beat = CeleryProcess("keygen_service.worker", *arguments, environment=environment, log=folder / "keygen-beat.log")
    try:
        yield beat
    finally:
        beat.kill()


@contextmanager
def keygen_worker(environment: Environment, log: Path) -> Iterator[CeleryProcess]:
    """A worker of keygen_service, which fills the pools as soon as it is ready."""
    arguments = ("worker", "--pool", "solo", *ALONE)
    worker = CeleryProcess("keygen_service.worker", *arguments, environment=environment, log=log)
    try:
        yield worker
    finally:
        worker.kill()
