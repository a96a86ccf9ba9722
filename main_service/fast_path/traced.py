"""The fast path while traces are on: a span for each sampled request, and one for each batch with such a request.

Sampling is drawn ahead: how many requests are skipped until the next one. So each of those costs one subtraction.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from main_service.compression.encodings import Encoding
from main_service.fast_path.batch import PendingRead, ReadBatcher
from main_service.fast_path.plain_request import PlainRequest
from main_service.fast_path.redis_connection import RawReply
from main_service.monitoring import tracing
from main_service.visit_stream.pending import UnconfirmedVisit

if TYPE_CHECKING:
    from main_service.monitoring.deferred_spans import DeferredReadSpan

ENTRY_ROUTE = "/{key}"
TEXT_ROUTE = "/{key}/raw"

_TRACE_PARENT = b"traceparent"
_UNSAMPLED = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f][02468ace]")
"""A `traceparent` that is well formed and says that its request is not sampled; others are read by the library."""


class _SampledRead:
    """A request whose span ends with its answer, or is continued by FastAPI."""

    __slots__ = ("_request", "coding", "key", "note", "page", "visit", "wants_text")

    def __init__(self, request: PlainRequest, note: "DeferredReadSpan") -> None:
        self._request = request
        self.note = note
        self.key, self.wants_text, self.visit = request.key, request.wants_text, request.visit
        self.coding, self.page = request.coding, request.page

    def redirect(self, target: bytes, *, for_search_engines: bool) -> None:
        self._request.redirect(target, for_search_engines=for_search_engines)
        self.note.end(ENTRY_ROUTE, 302)

    def send_text(self, text: bytes, *, coding: Encoding, for_search_engines: bool) -> None:
        self._request.send_text(text, coding=coding, for_search_engines=for_search_engines)
        self.note.end(TEXT_ROUTE, 200)

    def send_page(self) -> None:
        self._request.send_page()
        self.note.end(ENTRY_ROUTE, 200)

    def fall_back(self, unconfirmed: UnconfirmedVisit | None) -> None:
        self._request.span = self.note.hand_over()
        self._request.fall_back(unconfirmed)


class TracedReadBatcher(ReadBatcher):
    """Batches with spans, which link to those of their requests."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        # Nothing of OpenTelemetry is imported where traces are off.
        from main_service.monitoring.deferred_spans import DeferredBatchSpan, DeferredReadSpan

        self._note_batch, self._note_read = DeferredBatchSpan, DeferredReadSpan
        pipeline = tracing.current_pipeline()
        assert pipeline is not None
        self._spans = pipeline.requests
        self._unsampled_left = self._spans.draw_unsampled()
        self._may_have_sampled = False
        """Whether a sampled request may wait for its batch."""

    def join(self, read: Any) -> None:
        self._unsampled_left -= 1
        if self._unsampled_left < 0:
            self._unsampled_left = self._spans.draw_unsampled()
            read = self._drawn(read)
        # As `ReadBatcher`, without the tenth of a microsecond that a call of it costs.
        self._waiting.append(read)
        if not self._is_running:
            self._start()

    def join_of_proxy(self, read: Any) -> None:
        for name, value in read.headers:
            if name == _TRACE_PARENT:
                self._join_named(read, value)
                return
        self.join(read)

    def _join_named(self, read: PlainRequest, trace_parent: bytes) -> None:
        if self._spans.drop_unsampled and _UNSAMPLED.fullmatch(trace_parent) is not None:
            read.is_trace_named = True
            super().join(read)
        elif (parent := tracing.named_span(read.headers)) is None:
            self.join(read)
        else:
            super().join(self._begun(read, self._spans.begin(parent)))

    def _drawn(self, read: PlainRequest) -> PendingRead:
        """A request that was drawn."""
        if not self._spans.are_drawn_ahead:
            return self._begun(read, self._spans.begin())
        self._may_have_sampled = True
        return _SampledRead(read, self._note_read(self._spans))

    def _begun(self, read: PlainRequest, span: "tracing.RequestSpan") -> PendingRead:
        """The request with its span; as it was, if it is not sampled."""
        if not span.context.trace_flags.sampled:
            read.span = span
            return read
        self._may_have_sampled = True
        return _SampledRead(read, self._note_read(self._spans, span))

    def _send(
        self,
        _reads: Sequence[PendingRead],
        keys: Sequence[bytes | str],
        arguments: Sequence[bytes | str | int],
        on_reply: Callable[[RawReply], None],
    ) -> None:
        sampled = [read.note for read in _reads if type(read) is _SampledRead] if self._may_have_sampled else []
        if not sampled:
            self._redis.run_script(keys, arguments, on_reply)
            return
        # Another may be among those that wait for the next batch.
        self._may_have_sampled = bool(self._waiting)
        batch = self._note_batch(self._spans, sampled, name="read entries", size=len(_reads))

        def end_and_answer(reply: RawReply) -> None:
            batch.end(type(reply).__name__ if isinstance(reply, Exception) else None)
            on_reply(reply)
            batch.send()

        self._redis.run_script(keys, arguments, end_and_answer)
