"""Remembers which jobs failed, so that they aren't tried again: one text could keep the renderer busy."""

import time
from collections import OrderedDict
from collections.abc import Hashable

MAX_REMEMBERED = 10_000
REMEMBERED_SECONDS = 24 * 3600.0
"""New lexers come with a new process anyway; this limit is for jobs that failed because the machine was overloaded."""
TRIES = 2
"""How many times the child may end during a job, for an unknown reason, before the job counts as failed."""


class Failures:
    """Remembers failures for a while, the latest of them if there are too many."""

    def __init__(self, remembered_seconds: float = REMEMBERED_SECONDS) -> None:
        self._remembered_seconds = remembered_seconds
        self._until: OrderedDict[Hashable, float] = OrderedDict()
        self._tries: OrderedDict[Hashable, int] = OrderedDict()

    def __contains__(self, task: Hashable) -> bool:
        until = self._until.get(task)
        return until is not None and until > time.monotonic()

    def add(self, task: Hashable) -> None:
        """Remember that the task failed, so that it isn't tried again."""
        self._tries.pop(task, None)
        self._until[task] = time.monotonic() + self._remembered_seconds
        self._until.move_to_end(task)
        if len(self._until) > MAX_REMEMBERED:
            self._until.popitem(last=False)

    def suspect(self, task: Hashable) -> bool:
        """Note that the child ended during the task; return whether it has done so too often to be tried again."""
        tries = self._tries.pop(task, 0) + 1
        if tries >= TRIES:
            self.add(task)
            return True
        self._tries[task] = tries
        if len(self._tries) > MAX_REMEMBERED:
            self._tries.popitem(last=False)
        return False
