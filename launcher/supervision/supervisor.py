"""Keeps programs running: starts them, restarts them when they die, and stops them."""

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta

from launcher.errors import StartError
from launcher.logs.output import Output
from launcher.supervision.guard import Guard
from launcher.supervision.processes import Process, Processes, describe_end
from launcher.supervision.program import Program

FIRST_WAIT = timedelta(seconds=0.5)
LONGEST_WAIT = timedelta(seconds=30)
STEADY_AFTER = timedelta(minutes=1)
KILL_LIMIT = timedelta(seconds=5)


class Supervisor:
    """All programs of one launcher. Made in a running event loop; `close` leaves no process behind."""

    def __init__(self, *, output: Output, label: str) -> None:
        self._output = output
        self._processes = Processes(output)
        self._guard = Guard(self._processes, output=output, label=label)
        self._children: dict[str, _Child] = {}
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Gets the exception of a task that keeps a child running; such a bug would leave the child down."""

    def open(self) -> None:
        """Start the watchdog, before any other program.

        Raises:
            StartError: it cannot be started.
        """
        try:
            self._guard.start()
        except OSError as error:
            raise StartError(f"The launcher's watchdog cannot be started: {error}.") from error

    def keep_running(self, program: Program) -> None:
        """Start the program, and restart it whenever it ends.

        Raises:
            StartError: it cannot be executed now.
        """
        child = _Child(program, supervisor=self)
        child.task.add_done_callback(self._on_keeper_done)
        self._children[program.name] = child

    async def run_once(self, program: Program) -> int:
        """Run the program to its end and return its exit status; cancelled, it kills the program.

        Raises:
            StartError: it cannot be executed.
        """
        process = self.begin(program)
        try:
            await asyncio.wait([process.ended])
        finally:
            if not process.ended.done():
                process.kill_group()
                await asyncio.wait([process.ended], timeout=KILL_LIMIT.total_seconds())
        status = process.ended.result()
        if status != 0:
            self.show_last_lines(program)
        return status

    async def stop(self, names: Iterable[str]) -> None:
        """Stop these children and wait for them; names that never started are ignored."""
        children = [self._children.pop(name) for name in names if name in self._children]
        await asyncio.gather(*(child.stop() for child in children))

    async def close(self) -> None:
        """Stop the remaining children, in no order, and the watchdog last."""
        await self.stop(list(self._children))
        await self._guard.close()

    def begin(self, program: Program) -> Process:
        """Start one process of the program, known to the watchdog.

        Raises:
            StartError: it cannot be executed.
        """
        try:
            process = self._processes.start(program)
        except OSError as error:
            raise StartError(f"{program.name} cannot be started ({program.command[0]}): {error}.") from error
        self._output.note_start(program.name, process.pid)
        if program.orphan_signal is not None:
            self._guard.add(process.pid, program.orphan_signal)
            process.ended.add_done_callback(lambda _: self._guard.remove(process.pid))
        return process

    def say(self, text: str) -> None:
        """Write a line of the launcher's own."""
        self._output.say(text)

    def show_last_lines(self, program: Program) -> None:
        """Show what a program that ended has said last, if it has not been shown."""
        self._output.show_last_lines(program.name)

    def _on_keeper_done(self, task: "asyncio.Task[None]") -> None:
        error = None if task.cancelled() else task.exception()
        if error and not self.failed.done():
            self.failed.set_exception(error)


class BackOff:
    """The pause before a program is restarted; doubled each time, until it has run steadily."""

    def __init__(self) -> None:
        self._next = FIRST_WAIT

    def wait_after(self, lived: timedelta) -> timedelta:
        """The pause after a program has ended. `lived`: how long it ran."""
        wait = FIRST_WAIT if lived >= STEADY_AFTER else self._next
        self._next = min(wait * 2, LONGEST_WAIT)
        return wait


class _Child:
    """A program that is kept running until it is told to stop."""

    def __init__(self, program: Program, *, supervisor: Supervisor) -> None:
        self._program = program
        self._supervisor = supervisor
        self._process = supervisor.begin(program)
        self.task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Ask the program to stop, and kill its process group when its grace is over."""
        self.task.cancel()
        process, program = self._process, self._program
        process.send(program.stop_signal)
        await asyncio.wait([process.ended], timeout=program.stop_grace.total_seconds())
        if process.ended.done():
            return
        self._supervisor.say(f"{program.name} did not stop within {program.stop_grace.seconds} s: killing it")
        process.kill_group()
        await asyncio.wait([process.ended], timeout=KILL_LIMIT.total_seconds())

    async def _keep(self) -> None:
        back_off = BackOff()
        while True:
            began_at = time.monotonic()
            await asyncio.wait([self._process.ended])
            end = describe_end(self._process.ended.result())
            wait = back_off.wait_after(timedelta(seconds=time.monotonic() - began_at)).total_seconds()
            self._supervisor.say(f"{self._program.name} ended ({end}); starting it again in {wait:g} s")
            self._supervisor.show_last_lines(self._program)
            await asyncio.sleep(wait)
            try:
                self._process = self._supervisor.begin(self._program)
            except StartError as error:
                self._supervisor.say(str(error))
            else:
                self._supervisor.say(f"{self._program.name} runs again as process {self._process.pid}")
