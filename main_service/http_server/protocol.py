"""uvicorn's HTTP protocol with limits for clients that send too much, too slowly or no HTTP, and a graceful end."""

from collections.abc import Iterator

import httptools

from main_service.http_server.client_limits import (
    BODY_BYTES_PER_SECOND,
    BODY_SECONDS,
    DRAIN_SECONDS,
    HEAD_SECONDS,
    LINGER_SECONDS,
    LONGEST_BODY_SECONDS,
    QUERY_FIELDS,
    WAITING_REQUESTS,
)
from main_service.http_server.connection import Connection
from main_service.http_server.error_responses import (
    HEAD_BYTES,
    HEAD_TOO_LARGE,
    SHUTTING_DOWN,
    TOO_MANY_FIELDS,
    TOO_MANY_WAITING,
    TOO_SLOW,
)
from main_service.http_server.framing import is_unambiguous, size_bytes
from main_service.http_server.timing import Limit


class UnacceptableRequestError(Exception):
    """Stops the parser at a request that it would accept and we refuse."""


class HttpProtocol(Connection):
    """A connection that limits what arrives: how much, how fast, and whether it is HTTP."""

    def data_received(self, data: bytes) -> None:
        room = HEAD_BYTES - self._bytes_without_body
        if self._ignores_input:
            self._heard_at = self.loop.time()
        elif len(data) <= room:
            self._feed(data)
        else:
            self._feed_slices(memoryview(data))
        is_arriving = self._is_in_head or self._is_in_body or self._bytes_without_body
        if self._began_at is None and is_arriving and not self._ignores_input:
            self._begin()

    def _feed_slices(self, data: memoryview) -> None:
        """Feed slices, so that the parser never holds more than `HEAD_BYTES` of an unfinished head."""
        while data and not self._ignores_input:
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
            self._ignores_input = True
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
            raise UnacceptableRequestError
        is_upgrade = self.parser.should_upgrade()
        if not is_unambiguous(self.parser.get_http_version(), self.headers, is_upgrade=is_upgrade):
            raise UnacceptableRequestError
        if self.url.count(b"&") >= QUERY_FIELDS:
            self._fault = TOO_MANY_FIELDS
            raise UnacceptableRequestError
        if len(self.pipeline) >= WAITING_REQUESTS:
            self._fault = TOO_MANY_WAITING
            raise UnacceptableRequestError
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
            self._await_request()

    def _begin(self) -> None:
        """Start the time limit of a head or body that has begun to arrive."""
        self._began_at = self.loop.time()
        self._paused_before = self.flow.paused_seconds
        self._timer.ring_at(self._began_at + min(HEAD_SECONDS, BODY_SECONDS))

    def _limits(self) -> Iterator[Limit]:
        if self.flow.write_paused or self.transport.is_closing() or self._closing_since is not None:
            yield from self._unsent.limits()
            if self._must_end_at is not None:
                yield self._must_end_at, self.transport.abort
        if self._closing_since is not None:
            if not self.transport.get_write_buffer_size():
                yield self._heard_at + LINGER_SECONDS, self.transport.abort
                yield self._closing_since + DRAIN_SECONDS, self.transport.abort
            return
        if self._began_at is not None and not self._ignores_input:
            yield from self._arrival_limits()
        elif self._is_idle() and not self.transport.is_closing():
            yield self._idle_since + self._idle_seconds(), self._close

    def _arrival_limits(self) -> Iterator[Limit]:
        """The limits of the head or body that is arriving."""
        assert self._began_at is not None
        if not self._is_in_body:
            yield self._with_pauses(self._began_at + HEAD_SECONDS), lambda: self._refuse(TOO_SLOW)
            return
        if self.cycle.waiting_for_100_continue:
            # The client waits for `100 Continue`, so its time has not begun.
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
