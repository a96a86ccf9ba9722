"""Commands that run on one core, without the settings of the user's shell, and end with this process."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.errors import BenchmarkError

REPOSITORY = Path(__file__).resolve().parent.parent

RUN_SECONDS = 120.0
ERROR_TAIL = 3000

# 1 is PR_SET_PDEATHSIG: on SIGTERM all our children stop what they have started themselves.
_PIN_AND_EXECUTE = """
import ctypes, os, signal, sys

parent, core, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
if os.getppid() != int(parent):
    sys.exit("the parent is gone")
os.sched_setaffinity(0, {int(core)})
os.execvp(command[0], command)
"""


def pinned(command: Sequence[str], *, core: int) -> list[str]:
    """The command, changed so that it runs on this core only and gets SIGTERM when this process dies."""
    return [sys.executable, "-c", _PIN_AND_EXECUTE, str(os.getpid()), str(core), *command]


def full(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` over what a process needs to run at all, and nothing of a file .env."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAIN_", "KEYGEN_", "AWS_"))}
    return {**inherited, "SLIPBIN_ENV_FILE": "", **environment}


def run_python(arguments: Sequence[str], environment: Mapping[str, str], *, core: int) -> str:
    """What it prints. `environment`: the settings that it needs.

    Raises:
        BenchmarkError: it fails; the message has the end of what it says.
    """
    done = subprocess.run(
        pinned([sys.executable, *arguments], core=core),
        env=full(environment), cwd=REPOSITORY, capture_output=True, text=True, timeout=RUN_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise BenchmarkError(f"{' '.join(arguments)} failed:\n{done.stderr[-ERROR_TAIL:]}")
    return done.stdout
