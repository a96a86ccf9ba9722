"""The launcher's side of the watchdog: keeps it running and tells it which children live."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from launcher.logs.output import Output
from launcher.supervision.processes import Process, Processes, describe_end
from launcher.supervision.program import Program

RESTART_AFTER = timedelta(seconds=0.5)
CLOSING_LIMIT = timedelta(seconds=2)


class Guard:
    """A watchdog process, restarted if it dies, and the children that it must know."""

    def __init__(self, processes: Processes, *, output: Output, label: str) -> None:
        self._processes = processes
        self._output = output
        self._label = label
        self._living: dict[int, signal.Signals] = {}
        self._pipe: int | None = None
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the watchdog.

        Raises:
            OSError: it cannot be started.
        """
        self._process = self._start_watchdog()
        self._task = asyncio.create_task(self._keep())

    def add(self, pid: int, number: signal.Signals) -> None:
        """Tell the watchdog of a child and the signal that it gets if the launcher is killed."""
        self._living[pid] = number
        self._tell(f"+{pid} {int(number)}\n")

    def remove(self, pid: int) -> None:
        """Tell the watchdog that a child and all of its group have ended."""
        if self._living.pop(pid, None) is not None:
            self._tell(f"-{pid}\n")

    async def close(self) -> None:
        """Let the watchdog end; it ends the children that were not removed."""
        if self._task:
            self._task.cancel()
        self._close_pipe()
        if self._process:
            await asyncio.wait([self._process.ended], timeout=CLOSING_LIMIT.total_seconds())
            self._kill()

    async def _keep(self) -> None:
        while self._process:
            await asyncio.wait([self._process.ended])
            self._close_pipe()
            self._output.say(f"the watchdog ended ({describe_end(self._process.ended.result())}); starting it again")
            await asyncio.sleep(RESTART_AFTER.total_seconds())
            with suppress(OSError):
                self._process = self._start_watchdog()

    def _start_watchdog(self) -> Process:
        reading_end, writing_end = os.pipe()
        # A stopped watchdog must not stop the launcher.
        os.set_blocking(writing_end, False)
        script = Path(__file__).with_name("watchdog.py")
        program = Program(
            name="watchdog",
            # Without site packages it starts in a hundredth of a second. The label is for readers of `ps`.
            command=(sys.executable, "-I", "-S", str(script), self._label),
            environment={},
            folder=Path("/"),
            user=None,
            orphan_signal=None,
            stdin=reading_end,
        )
        self._pipe = writing_end
        try:
            # Written before it starts, so that there is no moment in which it does not know them.
            for pid, number in self._living.items():
                self._tell(f"+{pid} {int(number)}\n")
            return self._processes.start(program)
        except BaseException:
            self._close_pipe()
            raise
        finally:
            os.close(reading_end)

    def _tell(self, message: str) -> None:
        if self._pipe is None:
            return
        try:
            os.write(self._pipe, message.encode())
        except BrokenPipeError:
            # The watchdog has died; its successor will be told everything.
            return
        except BlockingIOError:
            # The watchdog does not read; its successor will.
            self._kill()

    def _kill(self) -> None:
        if self._process and not self._process.ended.done():
            self._process.kill_group()

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
