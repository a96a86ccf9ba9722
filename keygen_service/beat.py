"""The scheduler of beat. It continues at once if the clock was set back, where Celery's would wait."""

import logging
from datetime import timedelta
from typing import Any

from celery.beat import PersistentScheduler

logger = logging.getLogger(__name__)

SLACK = timedelta(seconds=30)
"""How far in the future the last run of a task may be: clocks are adjusted in small steps all the time."""


class SteadyScheduler(PersistentScheduler):
    """Sends a task even if a clock that was set back says that its last run is in the future.

    Celery's own waits until the clock is there again: an hour for an hour, also after a restart, as it keeps the times
    of last runs in a file.
    """

    def tick(self, *args: Any, **kwargs: Any) -> float:
        ahead = [
            entry
            for entry in self.schedule.values()
            if entry.last_run_at is not None and entry.last_run_at - entry.default_now() > SLACK
        ]
        if ahead:
            logger.warning("The clock was set back: %d tasks ran later than it is now, and are sent again", len(ahead))
        for entry in ahead:
            # Tasks with an interval are due now; daily ones at their time.
            entry.last_run_at = entry.default_now() - getattr(entry.schedule, "run_every", timedelta())
        if ahead:
            # The heap of due tasks, which is built again.
            self._heap = None
        return float(super().tick(*args, **kwargs))
