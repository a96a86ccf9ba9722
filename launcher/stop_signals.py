"""SIGINT, SIGTERM and SIGHUP, which all ask for one orderly stop, however many come."""

import asyncio
import signal
from types import FrameType


class StopSignals:
    """Handles the signals for the whole life of the process.

    Handlers of asyncio end with the loop, and a second Ctrl-C would then interrupt the exit.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked: asyncio.Event | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under `nohup` SIGHUP must stay ignored.
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._take)

    def attach(self) -> asyncio.Event:
        """An event that a signal sets from now on. Call it in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        return self._asked

    def ignore(self) -> None:
        """Ignore signals from here on, so that nothing interrupts the exit."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        # One signal is enough; the rest are dropped.
        self.ignore()
        if self._loop is None or self._asked is None:
            # Nothing runs yet.
            raise SystemExit(0)
        self._loop.call_soon_threadsafe(self._asked.set)
