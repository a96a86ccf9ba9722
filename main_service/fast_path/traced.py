"""The fast path while traces are on: a span for each sampled request, and one for each batch with such a request.

Which requests are sampled is drawn ahead, as the number of those before the next, so the others cost a subtraction.
"""

from collections.abc import Callable, Sequence
from typing import Any

from main_service.compression.encodings import Encoding
from main_service.fast_path.batch import PendingRead, ReadBatcher
from main_service.fast_path.plain_request import PlainRequest
from main_service.fast_path.redis_connection import RawReply
from main_service.monitoring import tracing
from main_service.visit_stream.pending import UnconfirmedVisit

ENTRY_ROUTE = "/{key}"
TEXT_ROUTE = "/{key}/raw"

_TRACE_PARENT = b"traceparent"


class _SampledRead:
    """A request whose span ends with its answer, or is gone on with by FastAPI."""

    def __init__(self, request: PlainRequest, span: "tracing.RequestSpan") -> None:
        self._request = request
        self.span = span
        self.key, self.wants_text, self.visit = request.key, request.wants_text, request.visit
        self.coding, self.page = request.coding, request.page

    def redirect(self, target: bytes, *, for_search_engines: bool) -> None:
        self._request.redirect(target, for_search_engines=for_search_engines)
        self._end(ENTRY_ROUTE, 302)

    def send_text(self, text: bytes, *, coding: Encoding, for_search_engines: bool) -> None:
        self._request.send_text(text, coding=coding, for_search_engines=for_search_engines)
        self._end(TEXT_ROUTE, 200)

    def send_page(self) -> None:
        self._request.send_page()
        self._end(ENTRY_ROUTE, 200)

    def fall_back(self, unconfirmed: UnconfirmedVisit | None) -> None:
        self._request.span = self.span
        self._request.fall_back(unconfirmed)

    def _end(self, route: str, status: int) -> None:
        pipeline = tracing.current_pipeline()
        assert pipeline is not None
        pipeline.requests.end(self.span, method="GET", route=route, status=status)


class TracedReadBatcher(ReadBatcher):
    """Batches with spans, which link to those of their requests."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
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
            read = self._with_span(read, self._spans.begin_drawn())
        # As `ReadBatcher`, without the tenth of a microsecond that a call of it costs.
        self._waiting.append(read)
        if not self._is_running:
            self._start()

    def join_of_proxy(self, read: Any) -> None:
        # No header of a plain request comes twice.
        parent = tracing.named_span(read.headers) if _TRACE_PARENT in dict(read.headers) else None
        if parent is None:
            self.join(read)
        else:
            super().join(self._with_span(read, self._spans.begin(parent)))

    def _with_span(self, read: PlainRequest, span: "tracing.RequestSpan") -> PendingRead:
        """The request with its span; as it was, if it is not sampled."""
        if not span.context.trace_flags.sampled:
            read.span = span
            return read
        self._may_have_sampled = True
        return _SampledRead(read, span)

    def _send(
        self,
        _reads: Sequence[PendingRead],
        keys: Sequence[bytes | str],
        arguments: Sequence[bytes | str | int],
        on_reply: Callable[[RawReply], None],
    ) -> None:
        sampled = [read for read in _reads if type(read) is _SampledRead] if self._may_have_sampled else []
        if not sampled:
            super()._send(_reads, keys, arguments, on_reply)
            return
        # Another may be among those that wait for the next batch.
        self._may_have_sampled = bool(self._waiting)
        span = self._spans.begin_batch([read.span for read in sampled])

        def end_and_answer(reply: RawReply) -> None:
            error = type(reply).__name__ if isinstance(reply, Exception) else None
            self._spans.end_batch(span, "read entries", size=len(_reads), error=error)
            on_reply(reply)

        super()._send(_reads, keys, arguments, end_and_answer)
