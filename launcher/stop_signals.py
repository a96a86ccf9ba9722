"""SIGINT, SIGTERM and SIGHUP: however many come, they ask for one orderly stop."""

import asyncio
import signal
from types import FrameType


class StopSignals:
    """Takes the signals from the first moment of the process to its last.

    Handlers of asyncio would not do: they end with the loop, and a second Ctrl-C would then break the exit.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked: asyncio.Event | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` has set SIGHUP to be ignored, and means it.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._take)

    def attach(self) -> asyncio.Event:
        """The event that is set by a signal from now on; called in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        return self._asked

    def ignore(self) -> None:
        """From here on the way leads to the exit, and nothing may break it."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        # One is enough, and the kernel drops the rest.
        self.ignore()
        if self._loop is None or self._asked is None:
            # Nothing runs yet.
            raise SystemExit(0)
        self._loop.call_soon_threadsafe(self._asked.set)
