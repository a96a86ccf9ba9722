"""What the child may take of the machine, and how it ends with its parent whatever happens to either."""

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
_MOST_DESCRIPTORS = 1_048_576


def confine(parent_pid: int, *, memory_bytes: int = MEMORY_BYTES) -> None:
    """Bound this process and tie it to its parent. `memory_bytes`: of its address space.

    Raises:
        SystemExit: the parent has already ended.
    """
    if sys.platform == "linux":
        # It comes with the end of the thread that started us, which is the main one: asyncio forks in the loop's.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    if os.getppid() != parent_pid:
        sys.exit()
    # uvloop closes no descriptor that can be inherited.
    os.closerange(3, _MOST_DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)
    # The terminal's is for the parent, which ends this process by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # At its default the signal ends the process whatever Python is doing, a regular expression included.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)


@contextmanager
def limited_processor_time(seconds: float) -> Iterator[None]:
    """Let the kernel end this process by SIGPROF when what is done here has used so much processor time."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
