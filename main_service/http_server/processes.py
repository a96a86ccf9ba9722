"""Several web processes that share one listening socket: started together, restarted when they die, ended together.

Each is a `serve --fd` with one end of a socket pair. It sends a byte once it serves; when the stream ends, its parent
is gone, even by SIGKILL, and it ends too. uvicorn's own supervisor leaves its processes behind when it is killed,
restarts a process that can't start twice a second, and waits for ever for one that does not end.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta

import uvicorn

from main_service.monitoring.metrics_files import find_folder

logger = logging.getLogger(__name__)

GRACE = timedelta(seconds=14)
"""How long a process may take to end: 12 s for requests that it has accepted, and 2 s for visits that it still has."""
FIRST_PAUSE = timedelta(seconds=0.5)
"""The pause before a process that died is restarted; doubled each time, until one has lived for `STEADY_AFTER`."""
LONGEST_PAUSE = timedelta(seconds=30)
STEADY_AFTER = timedelta(minutes=1)


def open_listener(*, host: str, port: int, fd: int | None) -> socket.socket:
    """The socket that all processes share: that of the file descriptor, or a new one at the address.

    Raises:
        OSError: there is no such socket, or it can't listen at the address.
    """
    if fd is not None:
        return socket.socket(fileno=fd)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


def serve_in_processes(count: int, *, listener: socket.socket) -> int:
    """Answer requests in `count` processes until SIGTERM or SIGINT. SIGHUP replaces them, one after the other.

    Returns the exit code: 0 if all ended when asked to; if none could start, that of the first that ended.
    """
    with _with_metrics_folder() as environment:
        return asyncio.run(_WebProcesses(count, listener=listener, environment=environment).run())


class Parent:
    """The connection of a web process to its parent; this process ends when the parent is gone."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.set_inheritable(False)
        threading.Thread(target=self._end_with_it, daemon=True).start()

    def report_started(self) -> None:
        """Tell the parent that this process serves."""
        with suppress(BrokenPipeError):
            self._socket.send(b"1")

    def _end_with_it(self) -> None:
        # The parent sends nothing, so this waits for its end. It is an error if the parent has not read our byte.
        with suppress(ConnectionResetError):
            self._socket.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE.total_seconds())
        os.kill(os.getpid(), signal.SIGKILL)


class ServerOfMany(uvicorn.Server):
    """The server of a web process that has a parent."""

    def __init__(self, config: uvicorn.Config, *, parent: Parent) -> None:
        super().__init__(config)
        self._parent = parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell the parent."""
        await super().startup(sockets)
        self._parent.report_started()


class _Slot:
    """The place of one web process, which its successors take in turn."""

    def __init__(self) -> None:
        self.is_serving = asyncio.Event()
        self.is_asked_to_end = asyncio.Event()


class _WebProcesses:
    """The web processes, as their parent runs them."""

    def __init__(self, count: int, *, listener: socket.socket, environment: Mapping[str, str]) -> None:
        self._listener = listener
        self._environment = environment
        self._slots = [_Slot() for _ in range(count)]
        self._is_stopping = False
        self._has_served = False
        self._is_replacing_wanted = asyncio.Event()

    async def run(self) -> int:
        """Run until the last process has ended; return the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        # Under `nohup` SIGHUP must stay ignored.
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            loop.add_signal_handler(signal.SIGHUP, self._is_replacing_wanted.set)
        replacing = asyncio.create_task(self._replace_when_wanted())
        codes = await asyncio.gather(*(self._keep(slot) for slot in self._slots))
        replacing.cancel()
        return max(codes)

    def _stop(self) -> None:
        self._is_stopping = True
        # From here on new connections are refused instead of left waiting.
        self._listener.close()
        for slot in self._slots:
            slot.is_asked_to_end.set()

    async def _replace_when_wanted(self) -> None:
        while True:
            await self._is_replacing_wanted.wait()
            self._is_replacing_wanted.clear()
            for slot in self._slots:
                # While a successor can't start, the others stay as they are.
                await slot.is_serving.wait()
                slot.is_serving.clear()
                slot.is_asked_to_end.set()
                await slot.is_serving.wait()
            logger.info("All %s web processes have been replaced", len(self._slots))

    async def _keep(self, slot: _Slot) -> int:
        """Keep a process in the slot until all must stop; return the exit code that its end stands for."""
        pause = FIRST_PAUSE
        while not self._is_stopping:
            slot.is_asked_to_end.clear()
            began_at = time.monotonic()
            try:
                status = await self._run_one(slot)
            except OSError as error:
                logger.error("A web process can't be started: %s", error)
                status = 1
            if self._is_stopping:
                # A process that is still starting has no handler yet and is ended by the signal itself.
                return 0 if status in (0, -signal.SIGTERM) else 1
            if slot.is_asked_to_end.is_set():
                continue
            if not self._has_served:
                logger.error("A web process ended at its start (%s)", _describe(status))
                self._stop()
                return max(status, 1)
            if time.monotonic() - began_at >= STEADY_AFTER.total_seconds():
                pause = FIRST_PAUSE
            logger.error("A web process ended (%s); another begins in %g s", _describe(status), pause.total_seconds())
            with suppress(TimeoutError):
                await asyncio.wait_for(slot.is_asked_to_end.wait(), pause.total_seconds())
            pause = min(2 * pause, LONGEST_PAUSE)
        return 0

    async def _run_one(self, slot: _Slot) -> int:
        """Start a process and wait for its end; return its status, negative if a signal ended it."""
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()

        def hear() -> None:
            loop.remove_reader(ours)
            if ours.recv(1):
                self._has_served = True
                slot.is_serving.set()

        with ours, theirs:
            inherited = (self._listener.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "main_service", "serve"),
                *("--fd", str(inherited[0]), "--parent-fd", str(inherited[1])),
                env=self._environment,
                pass_fds=inherited,
                stdin=asyncio.subprocess.DEVNULL,
                # Ctrl-C in the terminal must reach only the parent.
                start_new_session=True,
            )
            theirs.close()
            loop.add_reader(ours, hear)
            try:
                return await _end_gracefully(process, slot.is_asked_to_end)
            finally:
                loop.remove_reader(ours)
                slot.is_serving.clear()


async def _end_gracefully(process: asyncio.subprocess.Process, is_asked_to_end: asyncio.Event) -> int:
    ended = asyncio.create_task(process.wait())
    asked = asyncio.create_task(is_asked_to_end.wait())
    await asyncio.wait([ended, asked], return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not ended.done():
        with suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait([ended], timeout=GRACE.total_seconds())
    if not ended.done():
        logger.error("A web process did not end within %s s: killing it", GRACE.seconds)
        with suppress(ProcessLookupError):
            process.kill()
    return await ended


def _describe(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit {status}"


@contextmanager
def _with_metrics_folder() -> Iterator[Mapping[str, str]]:
    """The environment of the processes, with a temporary folder for metrics if none is set."""
    if find_folder() is not None:
        yield os.environ
        return
    with tempfile.TemporaryDirectory(prefix="slipbin-metrics-") as folder:
        yield {**os.environ, "PROMETHEUS_MULTIPROC_DIR": folder}
