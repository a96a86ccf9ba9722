"""Engines that hang: a process and its children stand still, connections stay open, and nothing comes back."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    stopped: list[psutil.Process] = []
    try:
        for each in _parent_first(process):
            # A child that was just ending, an autovacuum worker say, may be gone at either signal.
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGSTOP)
                stopped.append(each)
        yield
    finally:
        for each in stopped:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGCONT)


def _parent_first(process: psutil.Process) -> Iterator[psutil.Process]:
    """The children are asked for once the parent stands still, so that none is missed."""
    yield process
    yield from process.children(recursive=True)
