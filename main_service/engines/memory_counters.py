"""Counters in the memory of a process, for while Redis is away."""

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

LARGEST_NUMBER = 10_000
"""Of counters, 2 MB of them. The one that was moved longest ago gives way, so a flood of addresses takes no more."""
SHARE = 2
"""What is done counts so many times: processes that count each for itself allow more together than one."""
_NANOSECONDS = 1_000
"""In a microsecond."""


class Counted(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def window(self) -> int: ...
    @property
    def step(self) -> int: ...


class MemoryCounters:
    """What the script of `rate_limits` does, with limits `SHARE` times smaller, though never less than one request."""

    def __init__(self) -> None:
        self._empty_at: OrderedDict[str, int] = OrderedDict()

    def ask(self, counters: Sequence[Counted], *, moves: bool) -> tuple[int, list[int]]:
        """How long to wait, and how far ahead each counter is, in microseconds."""
        now = time.monotonic_ns() // _NANOSECONDS
        steps = [min(counter.step * SHARE, counter.window) for counter in counters]
        empty_at = [max(self._empty_at.get(counter.name, now), now) for counter in counters]
        over = [at + step - now - each.window for each, step, at in zip(counters, steps, empty_at, strict=True)]
        wait = max(0, *over)
        if moves and wait == 0:
            empty_at = [at + step for at, step in zip(empty_at, steps, strict=True)]
            for counter, at in zip(counters, empty_at, strict=True):
                self._empty_at[counter.name] = at
                self._empty_at.move_to_end(counter.name)
            while len(self._empty_at) > LARGEST_NUMBER:
                self._empty_at.popitem(last=False)
        return wait, [at - now for at in empty_at]

    def clear(self, names: Sequence[str]) -> None:
        for name in names:
            self._empty_at.pop(name, None)
