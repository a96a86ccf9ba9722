"""uvicorn's HTTP protocol with bounds for clients that send too much, too slowly or nonsense, and a gentle end."""

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from main_service.http_server.client_limits import (
    BODY_BYTES_PER_SECOND,
    BODY_SECONDS,
    DRAIN_SECONDS,
    HEAD_SECONDS,
    LAST_WORD_SECONDS,
    LINGER_SECONDS,
    LONGEST_BODY_SECONDS,
    SHUTDOWN_SECONDS,
    WAITING_REQUESTS,
)
from main_service.http_server.error_responses import (
    HEAD_BYTES,
    HEAD_TOO_LARGE,
    NOT_HTTP,
    SHUTTING_DOWN,
    TOO_MANY_WAITING,
    TOO_SLOW,
    Refusal,
)
from main_service.http_server.framing import is_unambiguous, size_bytes
from main_service.http_server.timing import AnswerTransport, Limit, TimedFlowControl, Timer, UnsentAnswer


class RefusedError(Exception):
    """Stops the parser at a request that it would accept."""


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    flow: TimedFlowControl

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._timer = Timer(self.loop, self._limits)
        self._answering: RequestResponseCycle | None = None
        """The request that the app has. `cycle` is the newest, which may wait for it in the pipeline."""

        self._is_in_head = False
        self._is_in_body = False
        self._is_behind_another = False
        """The head began in the middle of what was fed, so its size is unknown until it is complete."""
        self._has_progress = False
        """The parser has come to the end of a head, a body or a piece of one in what it was fed last."""
        self._bytes_without_body = 0
        self._body_bytes = 0
        self._body_heard_at = 0.0
        """On a clock that stands still while we do not read."""
        self._began_at: float | None = None
        """Of the head or body that is arriving; None if what was fed last completed it."""
        self._paused_before = 0.0
        self._idle_since = 0.0

        self._is_deaf = False
        """What still comes is thrown away."""
        self._fault = NOT_HTTP
        self._refusal: Refusal | None = None
        """Waits for the answers to earlier requests."""
        self._left_at: float | None = None
        self._heard_at = 0.0
        self._must_end_at: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = TimedFlowControl(transport, self.loop, waiting=self.pipeline)
        self._unsent = UnsentAnswer(transport, self.loop)
        self._answer_transport = cast(asyncio.Transport, AnswerTransport(transport, self._close))
        self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._is_deaf = True
        self.pipeline.clear()
        if self._answering is not None:
            # uvicorn tells the newest request only.
            _disconnect(self._answering)
        super().connection_lost(exc)
        # What refers to the connection and is referred to by it would stay until the garbage collector comes, and
        # with it the body that was arriving.
        self.cycle = self._answering = self._timer = self._answer_transport = cast(Any, None)

    def data_received(self, data: bytes) -> None:
        room = HEAD_BYTES - self._bytes_without_body
        if self._is_deaf:
            self._heard_at = self.loop.time()
        elif len(data) <= room:
            self._feed(data)
        else:
            self._feed_slices(memoryview(data))
        is_arriving = self._is_in_head or self._is_in_body or self._bytes_without_body
        if self._began_at is None and is_arriving and not self._is_deaf:
            self._begin()

    def _feed_slices(self, data: memoryview) -> None:
        """The parser never has more than `HEAD_BYTES` of which nothing has come out."""
        while data and not self._is_deaf:
            room = HEAD_BYTES - self._bytes_without_body
            if room == 0:
                self._refuse(HEAD_TOO_LARGE)
                return
            self._feed(data[:room])
            data = data[room:]

    def _feed(self, data: bytes | memoryview) -> None:
        self._has_progress = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._is_deaf = True
        except httptools.HttpParserError:
            self._refuse(self._fault)
        self._bytes_without_body = 0 if self._has_progress else self._bytes_without_body + len(data)

    def on_message_begin(self) -> None:
        self._is_in_head = True
        self._is_behind_another = self._has_progress
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        if self._is_behind_another and size_bytes(self.url, self.headers) > HEAD_BYTES:
            self._fault = HEAD_TOO_LARGE
            raise RefusedError
        is_upgrade = self.parser.should_upgrade()
        if not is_unambiguous(self.parser.get_http_version(), self.headers, is_upgrade=is_upgrade):
            raise RefusedError
        if len(self.pipeline) >= WAITING_REQUESTS:
            self._fault = TOO_MANY_WAITING
            raise RefusedError
        super().on_headers_complete()
        # Trailers must not become headers of a request that the app already has.
        self.headers = []
        self._is_in_head, self._is_in_body = False, True
        self._has_progress = True
        self._began_at = None
        self._body_bytes = 0
        self._body_heard_at = self.loop.time() - self.flow.paused_seconds
        self.cycle.transport = self._answer_transport
        if is_upgrade or self._must_end_at is not None:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._has_progress = True
        self._body_bytes += len(body)
        self._body_heard_at = self.loop.time() - self.flow.paused_seconds
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_body = False
        self._has_progress = True
        self._began_at = None
        super().on_message_complete()
        if self.cycle.response_complete:
            self._rest()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self.flow.write_paused:
            # Its answer would lie here beside the one that the client does not take.
            self.flow.pause_reading()
            self.pipeline.append((cycle, app))
            return
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Goes on with the next request. In place of uvicorn's, which makes a timer for each answer."""
        self.server_state.total_requests += 1
        if self._left_at is not None or self.transport.is_closing():
            return
        if self.pipeline:
            self._start_next()
        elif self._refusal is not None:
            self._leave(self._refusal)
        else:
            self.flow.resume_reading()
            self._rest()

    def _start_next(self) -> None:
        """Give the app the oldest of the requests that wait."""
        self._start_asgi_task(*self.pipeline.pop())
        self.flow.resume_reading()

    def shutdown(self) -> None:
        """Finish what was begun. Called once, when the process is to end."""
        now = self.loop.time()
        self._must_end_at = now + SHUTDOWN_SECONDS
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False
        self._idle_since = now
        self._timer.ring_at(now + (LAST_WORD_SECONDS if self._is_idle() else SHUTDOWN_SECONDS))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._timer.ring_at(self._unsent.watch())

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.pipeline and not self._is_answering() and not self.transport.is_closing():
            self._start_next()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends no more. What it has asked is answered, then the connection is closed.

        False: it is closed now, as soon as the client has taken what is written.
        """
        self._timer.ring_at(self._unsent.watch())
        is_cut_off = self._is_in_body
        if is_cut_off and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            is_cut_off = False
        last = self.pipeline[0][0] if self.pipeline else self._answering
        if is_cut_off or last is None or last.response_complete or self._left_at is not None:
            return False
        self._is_deaf = True
        if self._refusal is None:
            last.keep_alive = False
        return True

    def _is_answering(self) -> bool:
        return self._answering is not None and not self._answering.response_complete

    def _is_busy(self) -> bool:
        return self._is_answering() or bool(self.pipeline)

    def _is_idle(self) -> bool:
        return self._began_at is None and not self._is_busy() and not self._is_deaf

    def _begin(self) -> None:
        """A head or a body is arriving and is not complete."""
        self._began_at = self.loop.time()
        self._paused_before = self.flow.paused_seconds
        self._timer.ring_at(self._began_at + min(HEAD_SECONDS, BODY_SECONDS))

    def _rest(self) -> None:
        """Everything that was asked is answered."""
        self._idle_since = self.loop.time()
        self._timer.ring_at(self._idle_since + self._idle_seconds())

    def _idle_seconds(self) -> float:
        if self._must_end_at is not None:
            return LAST_WORD_SECONDS
        return HEAD_SECONDS if self.cycle is None else self.timeout_keep_alive

    def _limits(self) -> Iterator[Limit]:
        """All that the client has to keep at the moment. None while only the app has something to do."""
        if self.flow.write_paused or self.transport.is_closing() or self._left_at is not None:
            yield from self._unsent.limits()
            if self._must_end_at is not None:
                yield self._must_end_at, self.transport.abort
        if self._left_at is not None:
            if not self.transport.get_write_buffer_size():
                yield self._heard_at + LINGER_SECONDS, self.transport.abort
                yield self._left_at + DRAIN_SECONDS, self.transport.abort
            return
        if self._began_at is not None and not self._is_deaf:
            yield from self._arrival_limits()
        elif self._is_idle() and not self.transport.is_closing():
            yield self._idle_since + self._idle_seconds(), self._close

    def _arrival_limits(self) -> Iterator[Limit]:
        """Those of the head or body that is arriving."""
        assert self._began_at is not None
        if not self._is_in_body:
            yield self._with_pauses(self._began_at + HEAD_SECONDS), lambda: self._refuse(TOO_SLOW)
            return
        if self.cycle.waiting_for_100_continue:
            # The client is right to wait.
            self._begin()
            self._body_heard_at = self.loop.time() - self.flow.paused_seconds
        seconds = min(BODY_SECONDS + self._body_bytes / BODY_BYTES_PER_SECOND, LONGEST_BODY_SECONDS)
        yield self._with_pauses(self._began_at + seconds), lambda: self._refuse(TOO_SLOW)
        yield self._body_heard_at + self.flow.paused_seconds + BODY_SECONDS, lambda: self._refuse(TOO_SLOW)
        if self.cycle.response_complete:
            yield self._idle_since + DRAIN_SECONDS, lambda: self._refuse(TOO_SLOW)
        if self._must_end_at is not None:
            yield self._must_end_at, lambda: self._refuse(SHUTTING_DOWN)

    def _with_pauses(self, at: float) -> float:
        return at + self.flow.paused_seconds - self._paused_before

    def _refuse(self, refusal: Refusal) -> None:
        """Answer in place of the app what is arriving, after everything before it, and hear no more."""
        self._is_deaf = True
        if self._is_in_body and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        elif self._is_in_body:
            _disconnect(self.cycle)
            # Two answers in one would deceive; one that breaks off doesn't.
            self._leave(None if self.cycle.response_started else refusal)
            return
        if self._is_busy():
            self._refusal = refusal
        else:
            self._leave(refusal)

    def _leave(self, refusal: Refusal | None) -> None:
        """Say the last word, and listen on a while: a reset for unread bytes could destroy what the client reads."""
        if self.transport.is_closing() or self._left_at is not None:
            return
        self._is_deaf = True
        self._left_at = self._heard_at = self.loop.time()
        self.pipeline.clear()
        if refusal is not None:
            self.transport.write(refusal.encode(self.server_state.default_headers))
        self.transport.write_eof()
        self.flow.resume_reading()
        self._unsent.watch()
        self._timer.ring_at(self._left_at + LINGER_SECONDS)

    def _close(self) -> None:
        """Between requests, or because an answer says so."""
        if self._is_in_body:
            self._leave(None)
        elif not self.transport.is_closing():
            self.transport.close()
            self._timer.ring_at(self._unsent.watch())


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Tell the app that nobody waits for its answer."""
    if not cycle.response_complete:
        cycle.disconnected = True
    # There is nobody left to be asked for the body.
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
