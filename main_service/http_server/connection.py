"""One connection of a client: the order of its requests, and its end."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, cast

from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from main_service.http_server.access_log import AccessLog
from main_service.http_server.client_limits import HEAD_SECONDS, LAST_WORD_SECONDS, LINGER_SECONDS, SHUTDOWN_SECONDS
from main_service.http_server.error_responses import NOT_HTTP, Refusal
from main_service.http_server.process_limits import ProcessLimits
from main_service.http_server.timing import AnswerTransport, Limit, TimedFlowControl, Timer
from main_service.http_server.unsent import UnsentAnswer
from main_service.web.client_address import believed_address, named_client
from main_service.web.cors import AllowedOrigins
from main_service.web.held_stream import HELD_BYTES


class Connection(HttpToolsProtocol, ABC):
    """The order of requests and the end of a connection. A subclass decides what may arrive, and in what time."""

    flow: TimedFlowControl

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        process_limits: ProcessLimits,
        origins: AllowedOrigins,
        access_log: AccessLog | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._origins = origins
        self._access_log = access_log
        self._process_limits = process_limits
        self._timer = Timer(self.loop, self._limits)
        self._answering: RequestResponseCycle | None = None
        """The request that the app is answering. `cycle` is the newest one, which may wait for it in the pipeline."""

        self._is_in_head = False
        self._is_in_body = False
        self._is_behind_another = False
        """Whether the head began amid the data fed last, so that its size is unknown until it is complete."""
        self._has_progress = False
        """Whether the data fed last completed a head, a body or a piece of one."""
        self._bytes_without_body = 0
        self._body_bytes = 0
        self._body_heard_at = 0.0
        """When body bytes came last, on a clock that stands still while we do not read."""
        self._began_at: float | None = None
        """When the head or body that is arriving began; None if the data fed last completed it."""
        self._paused_before = 0.0
        self._idle_since = 0.0

        self._ignores_input = False
        """Whether everything that still arrives is thrown away."""
        self._fault = NOT_HTTP
        self._refusal: Refusal | None = None
        """The refusal to send after the answers to earlier requests."""
        self._closing_since: float | None = None
        self._heard_at = 0.0
        self._must_end_at: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = TimedFlowControl(transport, self.loop, waiting=self.pipeline)
        self._unsent = UnsentAnswer(transport, self.loop)
        self._pieces = AnswerTransport(transport, self._close)
        self._answer_transport = cast(asyncio.Transport, self._pieces)
        descriptor = transport.get_extra_info("socket").fileno()
        refusal = self._process_limits.admit(self, host=self.client[0] if self.client else None, descriptor=descriptor)
        if refusal is None:
            self._await_request()
        else:
            self._ignores_input = True
            self._write_refusal(refusal)
            self._close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._process_limits.dismiss(self)
        self._process_limits.unsent.release(self._unsent)
        self._ignores_input = True
        self.pipeline.clear()
        if self._answering is not None:
            # uvicorn tells only the newest request.
            _disconnect(self._answering)
        super().connection_lost(exc)
        # Reference cycles would keep the connection, and the body that was arriving, until the garbage collector runs.
        self.cycle = self._answering = self._timer = self._pieces = self._answer_transport = cast(Any, None)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self.flow.write_paused:
            # Its answer would take memory in addition to the one that the client is not reading.
            self.flow.pause_reading()
            self.pipeline.append((cycle, app))
            return
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request. Replaces uvicorn's, which makes a timer for each answer."""
        self.server_state.total_requests += 1
        if self._closing_since is not None or self.transport.is_closing():
            return
        if self.pipeline:
            self._start_next()
        elif self._refusal is not None:
            self._close_after_answer(self._refusal)
        else:
            if self.flow.read_paused:
                self.flow.resume_reading()
            self._await_request()

    def _start_next(self) -> None:
        """Give the app the oldest waiting request."""
        self._start_asgi_task(*self.pipeline.pop())
        self.flow.resume_reading()

    def shutdown(self) -> None:
        """Finish requests that have begun. Called once, when the process must end."""
        now = self.loop.time()
        self._must_end_at = now + SHUTDOWN_SECONDS
        if self.cycle is not None and not self.cycle.response_started:
            self.cycle.keep_alive = False
        self._idle_since = now
        self._timer.ring_at(now + (LAST_WORD_SECONDS if self._is_idle() else SHUTDOWN_SECONDS))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._timer.ring_at(self._unsent.watch())
        # A piece of an answer stays in memory until all of it is taken.
        size_bytes = max(self.transport.get_write_buffer_size(), self._pieces.piece_bytes)
        self._process_limits.unsent.hold(
            self._unsent,
            size_bytes=size_bytes + self._source_bytes(),
            client=self._process_limits.client_of(self),
        )

    def resume_writing(self) -> None:
        super().resume_writing()
        self._process_limits.unsent.release(self._unsent)
        if self.pipeline and not self._is_answering() and not self.transport.is_closing():
            self._start_next()

    def _source_bytes(self) -> int:
        """How many bytes the app keeps for the rest of the answer that it has begun."""
        if not self._is_answering() or not isinstance(self._answering, RequestResponseCycle):
            return 0
        state = cast(dict[str, object], self._answering.scope["state"])
        return cast(int, state.get(HELD_BYTES, 0))

    def eof_received(self) -> bool:  # type: ignore[override]
        """Called when the client sends no more: its requests are answered, then the connection is closed.

        Returns False to close it now, as soon as the client has taken what is written.
        """
        self._timer.ring_at(self._unsent.watch())
        is_cut_off = self._is_in_body
        if is_cut_off and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
            is_cut_off = False
        last = self.pipeline[0][0] if self.pipeline else self._answering
        if is_cut_off or last is None or last.response_complete or self._closing_since is not None:
            return False
        self._ignores_input = True
        if self._refusal is None:
            last.keep_alive = False
        return True

    def _is_answering(self) -> bool:
        return self._answering is not None and not self._answering.response_complete

    def _is_busy(self) -> bool:
        return self._is_answering() or bool(self.pipeline)

    def _is_idle(self) -> bool:
        return self._began_at is None and not self._is_busy() and not self._ignores_input

    def _await_request(self) -> None:
        """Wait for the next request: all before it are answered."""
        self._idle_since = self.loop.time()
        self._timer.ring_at(self._idle_since + self._idle_seconds())

    def _idle_seconds(self) -> float:
        if self._must_end_at is not None:
            return LAST_WORD_SECONDS
        return HEAD_SECONDS if self.cycle is None else self.timeout_keep_alive

    @abstractmethod
    def _limits(self) -> Iterator[Limit]:
        """All limits that the client must keep at the moment; none while only the app has something to do."""

    def waiting_since(self) -> float | None:
        """When the client got the last of its answers; None while one is still due, or the connection ends."""
        is_waiting = not self._is_busy() and not self._is_in_body and not self._ignores_input
        if not is_waiting or self.transport.is_closing():
            return None
        return self._idle_since

    def has_begun(self) -> bool:
        """Whether a request is arriving."""
        return self._began_at is not None

    def claims_another_client(self) -> bool:
        """Whether the newest request names another client that it comes from, as proxies do."""
        newest = cast(Any, self.cycle)
        if newest is None:
            return False
        headers = newest.scope["headers"] if isinstance(newest, RequestResponseCycle) else newest.headers
        lines = [value.decode("latin-1") for name, value in headers if name == b"x-forwarded-for"]
        return bool(lines) and named_client(lines) is not None

    def make_room(self) -> None:
        """Close the connection now, to let another in."""
        if self.has_begun():
            self.transport.abort()
        else:
            self._close()

    def _refuse(self, refusal: Refusal) -> None:
        """Refuse the arriving request in place of the app, after the answers before it, and ignore what follows."""
        self._ignores_input = True
        if self._is_in_body and self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        elif self._is_in_body:
            _disconnect(self.cycle)
            # A second answer inside the first would deceive the client; an answer that is cut off does not.
            self._close_after_answer(None if self.cycle.response_started else refusal)
            return
        if self._is_busy():
            self._refusal = refusal
        else:
            self._close_after_answer(refusal)

    def _close_after_answer(self, refusal: Refusal | None) -> None:
        """Send the last answer and keep reading for a while: a reset for unread bytes could destroy that answer."""
        if self.transport.is_closing() or self._closing_since is not None:
            return
        self._ignores_input = True
        self._closing_since = self._heard_at = self.loop.time()
        self.pipeline.clear()
        if refusal is not None:
            self._write_refusal(refusal)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._unsent.watch()
        self._timer.ring_at(self._closing_since + LINGER_SECONDS)

    def _write_refusal(self, refusal: Refusal) -> None:
        # Without CORS headers, scripts of other sites would see a network error. Nothing here is private to a client.
        marks = self._origins.headers_of_refusal(self._origin())
        added = [(name.encode(), value.encode("latin-1")) for name, value in marks.items()]
        self.transport.write(refusal.encode([*self.server_state.default_headers, *added]))
        if self._access_log is not None:
            # Behind a proxy the client is unknown: the head may not be complete.
            self._access_log.add_refusal(refusal, believed_address(self.client[0] if self.client else None, (), ()))

    def _origin(self) -> str | None:
        """The site whose script sends the request that is arriving; None: no header has said so yet."""
        headers = self.cycle.scope["headers"] if self._is_in_body else self.headers or ()
        return next((value.decode("latin-1") for name, value in headers if name == b"origin"), None)

    def _close(self) -> None:
        """Close the connection between requests, or because an answer says so."""
        if self._is_in_body:
            self._close_after_answer(None)
        elif not self.transport.is_closing():
            self.transport.close()
            self._timer.ring_at(self._unsent.watch())


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Tell the app that its client has gone."""
    if not cycle.response_complete:
        cycle.disconnected = True
    # No client is left to ask for the body.
    cycle.waiting_for_100_continue = False
    cycle.message_event.set()
