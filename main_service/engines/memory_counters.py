"""Rate limit counters in the memory of a process, used while Redis is away."""

import time
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from typing import Protocol

LARGEST_NUMBER = 10_000
"""How many counters of one purpose and window are kept, 2 MB of them. Beyond that the least recently moved one is
dropped, so that a flood of addresses takes no more memory and drops no counters of another purpose."""
SHARE = 2
"""How many times a request counts, because processes that count separately together allow more than one."""
_NANOSECONDS = 1_000
"""How many are in a microsecond."""


class CounterLike(Protocol):
    """A counter of `rate_limits`, with times in microseconds."""

    @property
    def name(self) -> str: ...
    @property
    def window(self) -> int: ...
    @property
    def step(self) -> int: ...


class MemoryCounters:
    """Counts as the script of `rate_limits` does, with limits `SHARE` times smaller, but at least one request.

    A name is the purpose and window, `:` and what identifies the client. There are few purposes and windows.
    """

    def __init__(self) -> None:
        self._empty_at: defaultdict[str, OrderedDict[str, int]] = defaultdict(OrderedDict)

    def ask(self, counters: Sequence[CounterLike], *, moves: bool) -> tuple[int, list[int]]:
        """How long the request must wait (0: it may be done), and how far ahead each counter is, in microseconds.

        `moves`: count the request if it may be done.
        """
        now = time.monotonic_ns() // _NANOSECONDS
        steps = [min(counter.step * SHARE, counter.window) for counter in counters]
        kinds = [self._empty_at[_kind(counter.name)] for counter in counters]
        empty_at = [max(kind.get(counter.name, now), now) for kind, counter in zip(kinds, counters, strict=True)]
        over = [at + step - now - each.window for each, step, at in zip(counters, steps, empty_at, strict=True)]
        wait = max(0, *over)
        if moves and wait == 0:
            empty_at = [at + step for at, step in zip(empty_at, steps, strict=True)]
            for kind, counter, at in zip(kinds, counters, empty_at, strict=True):
                kind[counter.name] = at
                kind.move_to_end(counter.name)
                while len(kind) > LARGEST_NUMBER:
                    kind.popitem(last=False)
        return wait, [at - now for at in empty_at]

    def clear(self, names: Sequence[str]) -> None:
        """Empty the counters of these names."""
        for name in names:
            self._empty_at[_kind(name)].pop(name, None)


def _kind(name: str) -> str:
    return name.rpartition(":")[0]
