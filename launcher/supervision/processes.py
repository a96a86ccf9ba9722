"""Starts processes in groups of their own and notices their end, without threads."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

from launcher.logs.output import ChildLines, Output
from launcher.run_user import credentials
from launcher.supervision.program import Program

PR_SET_PDEATHSIG = 1
# Loaded once, before any fork: between fork and exec nothing may be loaded.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Process:
    """A running program, leader of its own session and process group."""

    def __init__(self, popen: "subprocess.Popen[bytes]", *, program: Program, lines: ChildLines) -> None:
        self.popen = popen
        self.program = program
        self.lines = lines
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The exit status, negative if a signal ended it. Await it only by asyncio.wait, which never cancels it."""

    @property
    def pid(self) -> int:
        """The id of the process and of its group."""
        return self.popen.pid

    def send(self, number: signal.Signals) -> None:
        """Signal the process alone; nothing happens if it has ended."""
        self.popen.send_signal(number)

    def kill_group(self) -> None:
        """Kill it and all its descendants that stayed in its group."""
        kill_group(self.pid)


def kill_group(group: int) -> None:
    """SIGKILL every process of the group, if there still is one."""
    # macOS answers "not permitted" for a group of which only a zombie is left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def describe_end(status: int) -> str:
    """How a process ended, in words: `exit 3` or `signal 9`."""
    return f"signal {-status}" if status < 0 else f"exit {status}"


class Processes:
    """All children of the launcher. Must be made in the main thread, in a running event loop."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._running: list[Process] = []
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._collect)

    def start(self, program: Program) -> Process:
        """Start the program now.

        Raises:
            OSError: it cannot be executed.
        """
        if program.before_start:
            program.before_start()
        reading_end, writing_end = os.pipe()
        try:
            popen = subprocess.Popen(
                program.command,
                stdin=subprocess.DEVNULL if program.stdin is None else program.stdin,
                stdout=writing_end,
                stderr=writing_end,
                env=dict(program.environment),
                cwd=program.folder,
                pass_fds=program.inherited,
                # A session of its own: the terminal's Ctrl-C reaches only the launcher.
                start_new_session=True,
                # Runs after the change of user, which would clear what it sets.
                preexec_fn=_dying_with_launcher(program.orphan_signal),
                **credentials(program.user),
            )
        except BaseException:
            os.close(reading_end)
            raise
        finally:
            os.close(writing_end)
        lines = ChildLines(reading_end, name=program.name, output=self._output, is_shown=program.is_shown)
        process = Process(popen, program=program, lines=lines)
        self._running.append(process)
        if program.after_start:
            program.after_start(popen.pid)
        return process

    def _collect(self) -> None:
        # One SIGCHLD may stand for several ends.
        for process in self._running[:]:
            status = process.popen.poll()
            if status is None:
                continue
            self._running.remove(process)
            # Descendants of the dead child would keep its files and sockets from its successor.
            process.kill_group()
            process.lines.close()
            process.ended.set_result(status)


def _dying_with_launcher(number: signal.Signals | None) -> Callable[[], None] | None:
    """A function for the child to call before exec, so that the kernel signals it when the launcher dies (Linux)."""
    if _libc is None or number is None:
        return None
    libc, launcher = _libc, os.getpid()

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number))
        if os.getppid() != launcher:
            # The launcher died before the kernel was asked.
            os._exit(1)

    return ask_kernel
