"""A request on the fast path, from its batch to its answer."""

from typing import TYPE_CHECKING

from main_service.compression.encodings import IDENTITY, Encoding
from main_service.engines.page_cache import Page
from main_service.fast_path.entry_paths import EntryPath
from main_service.visit_stream.pending import UnconfirmedVisit
from main_service.visit_stream.record import EncodedVisit

if TYPE_CHECKING:
    from main_service.fast_path.protocol import FastProtocol
    from main_service.monitoring.request_spans import RequestSpan


class _NoEvent:
    """Stands in for the event that uvicorn sets when more of a body arrives. Without a body nothing waits for it."""

    def set(self) -> None:
        """Do nothing."""


class PlainRequest:
    """A request on the fast path. It replaces uvicorn's `RequestResponseCycle`."""

    keep_alive = True
    disconnected = waiting_for_100_continue = False
    response_started = response_complete = False
    message_event = _NoEvent()
    unconfirmed: UnconfirmedVisit | None = None
    coding: Encoding = IDENTITY
    page: Page | None = None
    span: "RequestSpan | None" = None
    """None: it is not sampled, or traces are off."""
    is_trace_named = False
    """Whether it is not sampled because a trusted proxy says so, which also names its trace."""

    def __init__(self, connection: "FastProtocol", path: EntryPath, visit: EncodedVisit) -> None:
        self.connection = connection
        self.key = path.key
        self.wants_text = path.wants_text
        self.visit = visit
        self.url, self.headers = connection.url, connection.headers

    def redirect(self, target: bytes, *, for_search_engines: bool) -> None:
        connection = self.connection
        head = connection.fast_path.responses.redirect(
            target, connection.server_state.default_headers, for_search_engines=for_search_engines
        )
        connection.respond(self, head)

    def send_text(self, text: bytes, *, coding: Encoding, for_search_engines: bool) -> None:
        connection = self.connection
        head = connection.fast_path.responses.text_head(
            len(text), connection.server_state.default_headers, coding=coding, for_search_engines=for_search_engines
        )
        connection.respond(self, head, text)

    def send_page(self) -> None:
        connection, page = self.connection, self.page
        assert page is not None
        head = connection.fast_path.responses.page_head(page, connection.server_state.default_headers)
        connection.respond(self, head, page.body)

    def fall_back(self, unconfirmed: UnconfirmedVisit | None) -> None:
        self.unconfirmed = unconfirmed
        self.connection.fall_back(self)

    # What uvicorn reads from its parser when the head of a request is complete.
    def get_method(self) -> bytes:
        return b"GET"

    def get_http_version(self) -> str:
        return "1.1"

    def should_upgrade(self) -> bool:
        return False

    def should_keep_alive(self) -> bool:
        return self.keep_alive
