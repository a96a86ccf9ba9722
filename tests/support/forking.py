"""Starts programs of ours by forking a Python that has imported what they need: most of a start is importing.

From its first line on a program runs as `python -m` or `python -c` would run it, with arguments, environment and open
files of its own. Tests of starting itself (of the launcher, the image, the compose file) start programs as users do.
"""

import array
import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

REPOSITORY = Path(__file__).resolve().parents[2]
MESSAGE_BYTES = 128 * 1024
_READ_AT_IMPORT = "PROMETHEUS_MULTIPROC_DIR"
"""The one variable that something asks for while it is imported, prometheus-client."""


class Forked:
    """A process, with what tests use of `subprocess.Popen`."""

    def __init__(self, server: "_Server", pid: int) -> None:
        self._server = server
        self._lock = threading.Lock()
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with self._lock:
            if self.returncode is None:
                self.returncode = self._server.ask({"poll": self.pid})["code"]
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired: it runs longer, in seconds."""
        if (code := self.poll()) is not None:
            return code
        ended = os.pidfd_open(self.pid)
        try:
            if not select.select([ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        finally:
            os.close(ended)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        # Until its end has been read, no other process has its number.
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


def start(
    *arguments: str,
    environment: Mapping[str, str],
    stdin: IO[Any] | int | None = None,
    stdout: IO[Any] | int | None = None,
    stderr: IO[Any] | int | None = None,
    pass_fds: Collection[int] = (),
) -> "Forked | subprocess.Popen[bytes]":
    """Start `python` with these arguments, the first of which is -m or -c; files that are None are our own."""
    if environment.get(_READ_AT_IMPORT):
        files = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        command = [sys.executable, *arguments]
        return subprocess.Popen(command, env=dict(environment), cwd=REPOSITORY, pass_fds=tuple(pass_fds), **files)
    wanted = {0: stdin, 1: stdout, 2: stderr, **{number: number for number in pass_fds}}
    given = {number: _number_of(number if file is None else file) for number, file in wanted.items()}
    return _server().start(arguments, environment, given)


def start_client(program: str, *arguments: str, environment: Mapping[str, str], files: Sequence[int]) -> Forked:
    """Start `python -c program` in a process that has imported the command line client, and nothing of the services.

    `files`: standard input, output and error.
    """
    return _server("slipbin_client.app").start(["-c", program, *arguments], environment, dict(enumerate(files)))


def run(
    *arguments: str, environment: Mapping[str, str], timeout: float, given: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    """Run `python` with these arguments to its end; `given` is its input.

    Raises:
        subprocess.TimeoutExpired: it took longer, in seconds, and was killed.
    """
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        stdin.write(given)
        stdin.seek(0)
        process = start(*arguments, environment=environment, stdin=stdin, stdout=stdout, stderr=stderr)
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        for file in (stdout, stderr):
            file.seek(0)
        return subprocess.CompletedProcess(arguments, code, stdout.read(), stderr.read())


def run_text(*arguments: str, environment: Mapping[str, str], timeout: float) -> "subprocess.CompletedProcess[str]":
    """`run` without input; what it wrote is text.

    Raises:
        subprocess.TimeoutExpired: it took longer, in seconds, and was killed.
    """
    done = run(*arguments, environment=environment, timeout=timeout)
    return subprocess.CompletedProcess(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())


def _number_of(file: IO[Any] | int) -> int:
    return file if isinstance(file, int) else file.fileno()


@functools.cache
def _server(*modules: str) -> "_Server":
    return _Server(modules)


class _Server:
    """Our side of a process that forks; it ends when we do, and kills what it has started then.

    `modules`: what it has imported; without any, all that the services need.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._connection, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            command = [sys.executable, "-m", "tests.support.fork_server", str(its.fileno()), *modules]
            self._process = subprocess.Popen(command, cwd=REPOSITORY, pass_fds=[its.fileno()])
        atexit.register(self._close)

    def ask(self, question: dict[str, Any], files: Sequence[int] = ()) -> dict[str, Any]:
        with self._lock:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
            self._connection.sendmsg([json.dumps(question).encode()], rights if files else [])
            answer: dict[str, Any] = json.loads(self._connection.recv(MESSAGE_BYTES))
            return answer

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], files: Mapping[int, int]) -> Forked:
        asked = {"arguments": arguments, "environment": dict(environment), "places": list(files)}
        return Forked(self, self.ask(asked, list(files.values()))["pid"])

    def _close(self) -> None:
        self._connection.close()
        self._process.wait()
