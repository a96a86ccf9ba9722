"""The renderer's process as the web process sees it: started, given one job at a time, ended."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from main_service.monitoring.metrics import RENDER_ENDS
from main_service.rendering.confinement import MEMORY_BYTES
from main_service.rendering.errors import NotRenderedError
from main_service.rendering.job import Job, Rendered, read_answer_head, written_job

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-s", "-m", "main_service.rendering")
STREAM_BYTES = 1024 * 1024
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TMPDIR", "TZ")
"""What the child gets of our environment. The rest holds secrets, and hostile text is its work."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a job may take, in seconds, and how much memory."""

    processor: float = 5.0
    """Processor time, after which the kernel ends the child."""
    answer: float = 60.0
    """From the job to its answer, for a child that hangs without working. On a busy machine, a good job may take many
    times its processor time."""
    start: float = 30.0
    memory_bytes: int = MEMORY_BYTES
    """Address space of the child."""


class ChildEndedError(Exception):
    """The child has ended or was killed; `status` as `subprocess` gives it."""

    def __init__(self, status: int | None) -> None:
        super().__init__("it could not be started" if status is None else describe(status))
        self.status = status

    @property
    def is_over_limit(self) -> bool:
        """Whether the kernel ended it because a job had used its processor time."""
        return self.status == -signal.SIGPROF


class Child:
    """A running child. After any error other than NotRenderedError it can't be used any more."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._jobs = process.stdin
        self._answers = process.stdout
        self._limits = limits
        self.pid = process.pid
        self.is_over = False
        """Whether it has said that it does no other job."""

    @property
    def has_ended(self) -> bool:
        """Whether it is known to take no other job."""
        return self.is_over or self._process.returncode is not None

    @classmethod
    async def start(cls, limits: Limits, command: Sequence[str] = COMMAND) -> "Child":
        """A child that is ready for a job. To be called from the loop of the main thread: it ends with its thread.

        Raises:
            ChildEndedError: it could not be started.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                str(os.getpid()),
                str(limits.memory_bytes),
                cwd=ROOT,
                env=_environment(os.environ),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # A traceback could quote texts, perhaps private ones.
                stderr=asyncio.subprocess.DEVNULL,
                limit=STREAM_BYTES,
            )
        except OSError as error:
            raise ChildEndedError(None) from error
        child = cls(process, limits)
        try:
            async with asyncio.timeout(limits.start):
                if not await child._answers.readline():
                    raise ChildEndedError(await process.wait())
        except BaseException as error:
            await child.kill()
            if isinstance(error, TimeoutError):
                raise ChildEndedError(None) from error
            raise
        return child

    async def __aenter__(self) -> "Child":
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.has_ended:
            RENDER_ENDS.inc()
        await self.kill()

    async def do(self, job: Job) -> Rendered:
        """Do one job.

        Raises:
            NotRenderedError: the child could not do it, and says so.
            ChildEndedError: it ended, or was ended because the job took too long.
        """
        try:
            async with asyncio.timeout(self._limits.answer):
                head = written_job(job, cpu_seconds=self._limits.processor)
                self._jobs.writelines((head, job.before, job.after, job.text))
                await self._jobs.drain()
                line = await self._answers.readline()
                if not line.endswith(b"\n"):
                    raise ChildEndedError(await self._process.wait())
                answer = read_answer_head(line)
                content = await self._answers.readexactly(answer.size)
        except TimeoutError as error:
            raise ChildEndedError(await self.kill()) from error
        except ValueError as error:
            # The output is not a valid answer.
            raise ChildEndedError(await self.kill()) from error
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise ChildEndedError(await self._process.wait()) from error
        self.is_over = answer.is_last
        if answer.failure is not None:
            raise NotRenderedError(answer.failure, is_lasting=True)
        return Rendered(content=content, facts=answer.facts)

    async def wait(self) -> int:
        """Wait for its end; return its status."""
        return await self._process.wait()

    async def kill(self) -> int:
        """End it at once; return its status."""
        with suppress(ProcessLookupError):
            self._process.kill()
        return await self._process.wait()


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in KEPT_VARIABLES if name in environ}


def describe(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit {status}"
