"""`serve --workers N` as tests start it, and its processes one by one."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.support.engines import REPOSITORY, Environment, full
from tests.support.raw_http import GET_STATIC_FILE, LoggedWebServer, connect, read_answer
from tests.support.waiting import eventually

END_SECONDS = 60
"""What ends within its grace, which is 15 s at most, has ended by then, on a busy machine too."""
WORKERS = 2


class WebProcesses(LoggedWebServer):
    """One parent and its web processes."""

    def _start(self) -> "subprocess.Popen[bytes]":
        self._log_file()
        descriptor = self._listener.fileno()
        parent = subprocess.Popen(
            [sys.executable, "-m", "main_service", "serve", "--fd", str(descriptor), "--workers", str(WORKERS)],
            env=self._environment,
            cwd=REPOSITORY,
            pass_fds=[descriptor],
            stderr=self._log,
        )
        # Else it would be listened on for as long as this test holds it.
        self._listener.close()
        return parent

    def __exit__(self, *arguments: object) -> None:
        children = self.children() if self.parent.poll() is None else []
        try:
            self.end()
        finally:
            super().__exit__()
            for process in children:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    @property
    def parent(self) -> "subprocess.Popen[bytes]":
        return self.processes[0]

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.parent.pid).children()

    def end(self) -> int:
        """End the parent as an operator does; return its exit code."""
        self.parent.terminate()
        return self.parent.wait(END_SECONDS)

    @contextmanager
    def only(self, process: psutil.Process) -> Iterator[None]:
        """Hold the other processes, so that this one answers every connection."""
        others = [other for other in self.children() if other != process]
        for other in others:
            other.suspend()
        # Until then it might still take the next connection.
        eventually(lambda: all(other.status() == psutil.STATUS_STOPPED for other in others), "processes that stand")
        try:
            yield
        finally:
            for other in others:
                other.resume()

    def answers(self, process: psutil.Process) -> bool:
        with self.only(process), connect(self) as connection:
            connection.sendall(GET_STATIC_FILE + b"\r\n")
            return read_answer(connection).status == 200

    def wait_until_all_serve(self, *, instead_of: list[psutil.Process] | None = None) -> list[psutil.Process]:
        """All of them, once there are as many as there should be and none is among the ones it had."""
        eventually(lambda: len(set(self.children()) - set(instead_of or [])) == WORKERS, "all processes")
        children = self.children()
        assert all(self.answers(process) for process in children)
        return children


def wait_until_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=END_SECONDS)
    assert not alive


@contextmanager
def serve_command(environment: Environment, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    """A parent whose standard error can be read; killed at the end if it still lives."""
    with subprocess.Popen(
        [sys.executable, "-m", "main_service", "serve", *arguments],
        env=full(environment),
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        try:
            yield parent
        finally:
            parent.kill()
