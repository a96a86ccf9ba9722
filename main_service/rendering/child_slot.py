"""Where a renderer does jobs, one at a time, and how long it will be busy."""

import time
from dataclasses import dataclass

from main_service.rendering.waiting_jobs import Flight


@dataclass
class ChildSlot:
    """A child, if there is one, and the job that it does."""

    pid: int | None = None
    """None: there is no child."""
    flight: Flight | None = None
    """The job; None: there is none."""
    began_at: float = 0.0
    """When the job began, by `time.monotonic`."""

    def seconds_left(self, pace: float) -> float:
        """How long the child will still be busy. `pace`: seconds for a byte of text."""
        if self.flight is None:
            return 0
        expected, elapsed = len(self.flight.job.text) * pace, self.elapsed
        # A job that exceeds its estimate is expected to take as long again, so no reader should wait for it.
        return expected - elapsed if elapsed < expected else elapsed

    @property
    def elapsed(self) -> float:
        """How long the child has been busy with its job, in seconds."""
        return 0 if self.flight is None else time.monotonic() - self.began_at
