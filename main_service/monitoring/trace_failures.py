"""Limits what OpenTelemetry logs to once a minute, or an unavailable collector would fill the log with retries."""

import logging
import time
from threading import Lock

logger = logging.getLogger(__name__)

EVERY_SECONDS = 60.0
LONGEST = 300


class _OncePerMinute(logging.Handler):
    """Passes on the first message, and after each minute how many there were."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lock = Lock()
        self._left_out = 0
        self._next_at = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        with self._lock:
            if time.monotonic() < self._next_at:
                self._left_out += 1
                return
            self._next_at = time.monotonic() + EVERY_SECONDS
            left_out, self._left_out = self._left_out, 0
        # A collector may answer with anything.
        words = " ".join(record.getMessage().split())[:LONGEST]
        more = f" ({left_out} more in the last minute)" if left_out else ""
        logger.log(record.levelno, "Sending traces fails: %s%s", words, more)


def limit_failure_logs() -> None:
    """Limit all loggers of OpenTelemetry together to one message a minute."""
    theirs = logging.getLogger("opentelemetry")
    theirs.propagate = False
    theirs.handlers = [_OncePerMinute()]
