"""The process that forks for the tests (forking.py): it has imported what programs of ours need, and takes orders.

Each message is JSON with the files of a new process beside it: `arguments`, `environment` and `places`, the descriptors
that the files get, answered with `pid`; or `poll`, a pid, answered with its exit `code` or null.
"""

import atexit
import fcntl
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterable
from typing import NoReturn

import main_service

MESSAGE_BYTES = 128 * 1024
FILES = 64
ABOVE_ALL_WANTED = 512
"""File descriptors from here on are free for keeping files until they get their places."""

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


def _serve(connection: socket.socket) -> None:
    children: set[int] = set()
    while True:
        message, files, _, _ = socket.recv_fds(connection, MESSAGE_BYTES, FILES)
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
    """The exit code of a process, as subprocess has it; None while it runs."""
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


def _names_of_services() -> list[str]:
    """What the services import. None of it starts a thread, reads a setting or a clock."""
    ours = [module.name for module in pkgutil.walk_packages(main_service.__path__, "main_service.")]
    return [*(name for name in ours if name not in _LEFT_OUT), *_OF_OTHERS]


def _import(names: Iterable[str]) -> None:
    """Import what the programs import one after the other."""
    gc.disable()
    for name in names:
        importlib.import_module(name)
    # What is here now stays: no child has to look through it, which would copy it.
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    # An interrupt from the keyboard ends the tests, and they end this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as ours:
        # The client is a package of its own.
        sys.path.append("client")
        _import(sys.argv[2:] or _names_of_services())
        _serve(ours)
