"""The timer of a connection, and flow control that measures how long we did not read."""

from asyncio import AbstractEventLoop, TimerHandle, Transport
from collections.abc import Callable, Iterator, Sized

from uvicorn.protocols.http.flow_control import FlowControl

Limit = tuple[float, Callable[[], None]]
"""An instant of the event loop's clock, and what is done when it comes."""


class Timer:
    """Enforces the limits of a connection. Bytes and requests do not move it: when it rings, it reads `limits` again.

    `limits`: gives the limits that hold now.
    """

    def __init__(self, loop: AbstractEventLoop, limits: Callable[[], Iterator[Limit]]) -> None:
        self._loop = loop
        self._limits = limits
        self._handle: TimerHandle | None = None
        self._at = 0.0

    def ring_at(self, at: float) -> None:
        """Check the limits at this instant or earlier."""
        if self._handle is not None:
            if self._at <= at:
                return
            self._handle.cancel()
        self._at = at
        self._handle = self._loop.call_at(at, self._ring)

    def cancel(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _ring(self) -> None:
        """Do what the earliest limit says if it is reached, else ring again when it is."""
        self._handle = None
        limit = min(self._limits(), key=lambda limit: limit[0], default=None)
        if limit is None:
            return
        at, act = limit
        if at <= self._loop.time():
            act()
        else:
            self.ring_at(at)


class TimedFlowControl(FlowControl):
    """Measures how long we did not read, which is not the client's fault. Reads nothing while requests wait.

    `waiting`: the client's requests that were read but not begun. Without it uvicorn would read on with each request,
    if only to learn whether the client is still there.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop, *, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting
        self._loop = loop
        self._paused_at = 0.0
        self._paused_seconds = 0.0

    @property
    def paused_seconds(self) -> float:
        return self._paused_seconds + (self._loop.time() - self._paused_at if self.read_paused else 0)

    def pause_reading(self) -> None:
        if not self.read_paused:
            self._paused_at = self._loop.time()
            super().pause_reading()

    def resume_reading(self) -> None:
        if self.read_paused and not self._waiting:
            self._paused_seconds = self.paused_seconds
            super().resume_reading()


class AnswerTransport:
    """The part of a transport that uvicorn's `RequestResponseCycle` uses, with a `close` that loses no answer."""

    def __init__(self, transport: Transport, close: Callable[[], None]) -> None:
        self._write = transport.write
        self.piece_bytes = 0
        """How many bytes were written last."""
        self.is_closing = transport.is_closing
        self.close = close

    def write(self, data: bytes) -> None:
        self.piece_bytes = len(data)
        self._write(data)
