"""Starts programs of ours by forking a Python that has imported what they need: most of a start is importing.

From its first line on a program runs as `python -m` or `python -c` would run it, with arguments, environment and open
files of its own. Tests of starting itself (of the launcher, the image, the compose file) start programs as users do.
"""

import array
import atexit
import fcntl
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NoReturn

import main_service

REPOSITORY = Path(__file__).resolve().parents[1]
MESSAGE_BYTES = 128 * 1024
ABOVE_ALL_WANTED = 512
"""File descriptors from here on are free for keeping files until they get their places."""

_READ_AT_IMPORT = "PROMETHEUS_MULTIPROC_DIR"
"""The one variable that something asks for while it is imported, prometheus-client."""
_LEFT_OUT = ("main_service.__main__", "main_service.worker")
"""They are what is run: the worker reads its settings while it is imported."""
_OF_OTHERS = (
    "alembic.command",
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.thread",
    "kombu.transport.redis",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
)


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
        # Until somebody has seen its end, its number is nobody else's.
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


def _number_of(file: IO[Any] | int) -> int:
    return file if isinstance(file, int) else file.fileno()


@functools.cache
def _server() -> "_Server":
    return _Server()


class _Server:
    """Our side of the process that forks; it ends when we do, and kills what it has started then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            command = [sys.executable, "-m", "tests.forking", str(its.fileno())]
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


def _serve(connection: socket.socket) -> None:
    children: set[int] = set()
    while True:
        message, files, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, 64)
        if not message:
            break
        question = json.loads(message)
        if "poll" in question:
            answer = {"code": _poll(question["poll"], children)}
        else:
            pid = os.fork()
            if pid == 0:
                connection.close()
                _become(
                    question["arguments"], question["environment"], dict(zip(question["places"], files, strict=True))
                )
            children.add(pid)
            for file in files:
                os.close(file)
            answer = {"pid": pid}
        connection.send(json.dumps(answer).encode())
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _poll(pid: int, children: set[int]) -> int | None:
    """Its exit code, as subprocess has it, or None while it runs."""
    ended, status = os.waitpid(pid, os.WNOHANG)
    if not ended:
        return None
    children.remove(pid)
    return os.waitstatus_to_exitcode(status)


def _become(arguments: list[str], environment: dict[str, str], files: dict[int, int]) -> NoReturn:
    """Run as `python` with these arguments and end this process."""
    code: object = 0
    try:
        _place(files)
        os.environ.clear()
        os.environ.update(environment)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        kind, program, *rest = arguments
        sys.argv = [program if kind == "-m" else kind, *rest]
        if kind == "-m":
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        else:
            exec(program, {"__name__": "__main__"})
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _place(files: dict[int, int]) -> None:
    """Give each file the descriptor that is asked for, and close every other."""
    aside = {wanted: fcntl.fcntl(now, fcntl.F_DUPFD, ABOVE_ALL_WANTED) for wanted, now in files.items()}
    os.closerange(3, ABOVE_ALL_WANTED)
    for wanted, now in aside.items():
        os.dup2(now, wanted)
        os.close(now)


def _import_all() -> None:
    """What the programs would import one after the other. Nothing of it starts a thread, reads a setting or a clock."""
    gc.disable()
    for module in pkgutil.walk_packages(main_service.__path__, "main_service."):
        if module.name not in _LEFT_OUT:
            importlib.import_module(module.name)
    for name in _OF_OTHERS:
        importlib.import_module(name)
    # What is here now stays: no child has to look through it, which would copy it.
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    # Whoever interrupts the tests ends them, and they end this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        _import_all()
        _serve(ours)
