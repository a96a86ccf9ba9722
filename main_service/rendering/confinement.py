"""Limits what the child may use of the machine, and makes sure that it ends with its parent."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

MEMORY_BYTES = 512 * 1024 * 1024
"""Address space, unless the parent says otherwise. More is a MemoryError, which shows the text plain."""
NICENESS = 5
"""A redirect goes first where there is one core for all."""
_PR_SET_PDEATHSIG = 1
_MAX_DESCRIPTORS = 1_048_576


def confine(parent_pid: int, *, memory_bytes: int = MEMORY_BYTES) -> None:
    """Bound this process and tie it to its parent. `memory_bytes`: of its address space.

    Raises:
        SystemExit: the parent has already ended.
    """
    if sys.platform == "linux":
        # Sent when the thread that started us ends, which is the main one: asyncio forks in the loop's thread.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    if os.getppid() != parent_pid:
        sys.exit()
    # uvloop does not close inheritable descriptors.
    os.closerange(3, _MAX_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    # Ctrl-C is for the parent, which ends this process by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # With the default action the signal ends the process even in the middle of a regular expression.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)


@contextmanager
def limited_processor_time(seconds: float) -> Iterator[None]:
    """Let the kernel end this process by SIGPROF when what is done here has used so much processor time."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
