"""Runs `slipbin`, the command line client, as its users do: in a process of its own, in a pipe or on a terminal."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from tests.support import forking
from tests.support.waiting import eventually

RUN_SECONDS = 120.0
COLUMNS = 80
_PROGRAM = """
import os, runpy, sys
os.chdir(sys.argv.pop(1))
runpy.run_module("slipbin_client", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Terminal:
    """What a person saw, in colours, and the exit code."""

    text: str
    code: int


@dataclass
class RunningClient:
    """A command that runs meanwhile."""

    process: forking.Forked
    stdout: IO[bytes]
    """The end of its output that reads."""
    stderr: IO[bytes]

    def finish(self) -> tuple[int, bytes, bytes]:
        """Wait until it ends; return its exit code and what was left to read of its output and its messages."""
        out, messages = self.stdout.read(), self.stderr.read()
        return self.process.wait(RUN_SECONDS), out, messages


@dataclass
class CommandLineClient:
    """Someone who uses `slipbin` with a home folder of their own. `variables`: what else is in their environment."""

    home: Path
    site: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "SLIPBIN_SITE": self.site,
            "COLUMNS": str(COLUMNS),
            "TERM": "xterm-256color",
            **self.variables,
        }

    @property
    def manage_tokens(self) -> Path:
        return self.home / ".local/share/slipbin/manage_tokens.json"

    @property
    def api_tokens(self) -> Path:
        return self.home / ".config/slipbin/tokens.json"

    def run(self, *arguments: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        """Run a command in a pipe, with `given` as its input."""
        with self.running(*arguments, given=given) as running:
            code, out, messages = running.finish()
        return subprocess.CompletedProcess(arguments, code, out, messages)

    def ask(self, *arguments: str, given: bytes = b"") -> str:
        """What a command prints that succeeds, without the line end."""
        done = self.run(*arguments, given=given)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().removesuffix("\n")

    def ask_json(self, *arguments: str, given: bytes = b"") -> Any:
        return json.loads(self.ask(*arguments, "--json", given=given))

    @contextlib.contextmanager
    def running(self, *arguments: str, given: bytes = b"", output: IO[bytes] | None = None) -> Iterator[RunningClient]:
        """A command that runs meanwhile, with `given` as its input. What it says must fit into a pipe's buffer.

        `output`: where its output goes in place of a pipe.
        """
        out, its_out = os.pipe()
        messages, its_messages = os.pipe()
        with TemporaryFile() as stdin, os.fdopen(out, "rb") as ours, os.fdopen(messages, "rb") as ours_too:
            stdin.write(given)
            stdin.seek(0)
            process = self._start(
                arguments, [stdin.fileno(), its_out if output is None else output.fileno(), its_messages]
            )
            os.close(its_out)
            os.close(its_messages)
            try:
                yield RunningClient(process, ours, ours_too)
            finally:
                process.kill()
                process.wait()

    def on_terminal(
        self, *arguments: str, answers: Mapping[str, str] | None = None, interrupt_at: str | None = None
    ) -> Terminal:
        """Run a command on a terminal of 80 columns; once it shows a key of `answers`, its value is typed.

        `interrupt_at`: once it shows this, it gets what Ctrl-C sends.
        """
        ours, its = pty.openpty()
        process = self._start(arguments, [its, its, its])
        os.close(its)
        left = dict(answers or {})
        seen = b""
        deadline = time.monotonic() + RUN_SECONDS
        try:
            while select.select([ours], [], [], max(0, deadline - time.monotonic()))[0]:
                try:
                    seen += os.read(ours, 1 << 16)
                except OSError:
                    # So Linux tells that no program has the terminal open any more.
                    break
                if interrupt_at is not None and interrupt_at.encode() in seen:
                    # Python reads without looking again whether a signal came just before.
                    eventually(lambda: _waits(process.pid), f"the command waiting after {seen!r}")
                    process.send_signal(signal.SIGINT)
                    interrupt_at = None
                for question in [each for each in left if each.encode() in seen]:
                    os.write(ours, left.pop(question).encode())
            return Terminal(seen.decode(errors="replace"), process.wait(max(0, deadline - time.monotonic())))
        finally:
            process.kill()
            process.wait()
            os.close(ours)

    def _start(self, arguments: tuple[str, ...], files: list[int]) -> forking.Forked:
        return forking.start_client(_PROGRAM, str(self.home), *arguments, environment=self.environment, files=files)


def _waits(pid: int) -> bool:
    """Whether the process sleeps in a system call, which a signal ends."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def file_mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
