"""The fast path: answers `GET /{key}` and `GET /{key}/raw` with a redirect, kept page or text before FastAPI sees it.

It takes only requests that it can answer exactly as FastAPI would: plain ones without anything that could change the
answer, one at a time on a connection. They join a batch (`fast_path.batch`), for which Redis finds the entries and
records the visits in one step. Everything else, and each request whose entry is not cached, is answered by FastAPI as
if this module did not exist.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from main_service.compression.encodings import best_encoding
from main_service.compression.our_cookies import has_our_cookie, has_personal_cookie
from main_service.engines.page_cache import Page, PageCache
from main_service.entries.visit_recorder import UNCONFIRMED_VISIT
from main_service.fast_path.batch import ReadBatcher
from main_service.fast_path.entry_paths import OFTEN_SEEN_LENGTH, asks_for_page, parse_path, remembered_path
from main_service.fast_path.forwarded_visitors import ForwardedVisitors
from main_service.fast_path.plain_request import PlainRequest
from main_service.fast_path.redis_connection import RedisConnection
from main_service.fast_path.responses import ResponseTemplates, with_connection_close
from main_service.http_server.framing import RawHeaders
from main_service.http_server.protocol import HttpProtocol
from main_service.http_server.traced_requests import BEGUN_SPAN
from main_service.resources import Resources
from main_service.visit_stream.encoder import VisitEncoder, VisitorAddress
from main_service.visit_stream.record import EncodedVisit
from main_service.web.client_address import Proxies, believed_address, is_trusted
from main_service.web.proxy_watch import ProxyWatch
from main_service.web.session_cookie import COOKIE

STATE_NAME = "fast_path"

_JOINED_BYTES = 16 * 1024
"""Up to this size, to copy a body behind its head costs less than to send both."""
_COOKIE = COOKIE.encode()
"""Found in the name that the cookie has over https, too."""

_NOT_PLAIN = frozenset(
    [
        # There is a body, or the client expects something before the answer.
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"upgrade",
        # The client may see more than others, or its token may be invalid.
        b"authorization",
        # A browser prefetches, which is no visit.
        b"sec-purpose",
        b"purpose",
        b"x-purpose",
        b"x-moz",
    ]
)


class FastPath:
    """What all connections of a process share."""

    def __init__(
        self,
        read_batcher: ReadBatcher,
        *,
        encoder: VisitEncoder,
        pages: PageCache,
        trusted_proxies: Proxies,
        proxy_watch: ProxyWatch,
    ) -> None:
        self.read_batcher = read_batcher
        self.pages = pages
        self.encoder = encoder
        self.trusted_proxies = trusted_proxies
        self.forwarded_visitors = ForwardedVisitors(encoder, trusted_proxies)
        self.proxy_watch = proxy_watch
        self.responses = ResponseTemplates()


@asynccontextmanager
async def open_fast_path(
    resources: Resources, encoder: VisitEncoder, *, proxy_watch: ProxyWatch, batcher: type[ReadBatcher] = ReadBatcher
) -> AsyncIterator[FastPath]:
    """Open it for a web process. Connections find it in the state of the lifespan, under `STATE_NAME`."""
    settings = resources.settings
    redis = RedisConnection(settings.redis_url, script=ReadBatcher.SCRIPT)
    read_batcher = batcher(redis, resources.redis, visit_writer=resources.visit_writer, texts=resources.texts)
    try:
        yield FastPath(
            read_batcher,
            encoder=encoder,
            pages=resources.pages,
            trusted_proxies=settings.believed_proxies,
            proxy_watch=proxy_watch,
        )
    finally:
        await redis.close()


class FastProtocol(HttpProtocol):
    """A connection whose plain requests take the fast path."""

    fast_path: FastPath

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.fast_path = self.app_state[STATE_NAME]
        self._kept_keys = self.fast_path.pages.keys
        self._peer_address: VisitorAddress
        self._join: Callable[[PlainRequest], None]
        self.is_proxy = False
        """Whether the peer is a trusted proxy, which names the visitor of each request."""
        self._watched_header = b"x-forwarded-for"
        """The header by which proxies are noticed that are not trusted."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        host = self.client[0] if self.client else None
        self._peer_address = self.fast_path.encoder.visitor_address(believed_address(host, (), ()))
        self.is_proxy = is_trusted(host, self.fast_path.trusted_proxies)
        if self.is_proxy:
            self._watched_header = self.fast_path.proxy_watch.watched_header(host)
        batcher = self.fast_path.read_batcher
        self._join = batcher.join_of_proxy if self.is_proxy else batcher.join

    def on_message_begin(self) -> None:
        # As `HttpProtocol`, but what only FastAPI needs is made when a request falls back.
        self._is_in_head = True
        self._is_behind_another = self._has_progress
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        request = self._plain_request()
        if request is None:
            self._prepare(self.url, self.headers)
            super().on_headers_complete()
            return
        # As `HttpProtocol` does for a request without a body.
        self.headers = []
        self._is_in_head = False
        self._has_progress = True
        self._began_at = None
        self.cycle = self._answering = cast(Any, request)
        self._join(request)

    def _prepare(self, url: bytes, headers: RawHeaders) -> None:
        """Tell uvicorn the head of a request, as its parser would."""
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        for name, value in headers:
            HttpToolsProtocol.on_header(self, name, value)

    def on_message_complete(self) -> None:
        if not isinstance(self.cycle, PlainRequest):
            super().on_message_complete()

    def _plain_request(self) -> PlainRequest | None:
        """The request, if it can be answered here; None: it is for FastAPI."""
        url = self.url
        path = remembered_path(url) if len(url) <= OFTEN_SEEN_LENGTH else parse_path(url)
        parser = self.parser
        if path is None or parser.get_method() != b"GET" or not parser.should_keep_alive() or not self._is_free():
            return None
        headers = dict(self.headers)
        has_doubles = len(headers) != len(self.headers)
        if has_doubles or b"host" not in headers or not _NOT_PLAIN.isdisjoint(headers):
            return None
        if b"cookie" in headers and _COOKIE in headers[b"cookie"]:
            return None
        # Without this header only HTTP/1.1 connections are kept alive.
        if b"connection" in headers and parser.get_http_version() != "1.1":
            return None
        request = PlainRequest(self, path, self._visit(path.key, headers))
        if path.wants_text:
            if b"cookie" not in headers or not has_our_cookie(headers[b"cookie"]):
                request.coding = best_encoding(headers.get(b"accept-encoding", b""))
        elif path.key in self._kept_keys and path.may_be_page:
            request.page = self._cached_page(path.key, headers)
        return request

    def _cached_page(self, key: str, headers: dict[bytes, bytes]) -> Page | None:
        """The page of the entry that FastAPI would send, unless the entry has changed; None: it would send another."""
        if not asks_for_page(headers.get(b"accept", b"")) or (
            b"cookie" in headers and has_personal_cookie(headers[b"cookie"])
        ):
            return None
        return self.fast_path.pages.get(key, best_encoding(headers.get(b"accept-encoding", b"")))

    def _is_free(self) -> bool:
        """Whether a response could be written to this connection at once."""
        is_busy = self.cycle is not None and not self.cycle.response_complete
        is_leaving = self._must_end_at is not None or self._closing_since is not None or self._is_behind_another
        return not (is_busy or is_leaving or self.flow.write_paused)

    def _visit(self, key: str, headers: dict[bytes, bytes]) -> EncodedVisit:
        encoder = self.fast_path.encoder
        at_ms = time.time_ns() // 1_000_000
        if self._watched_header in headers and at_ms >= self.fast_path.proxy_watch.look_again_at_ms:
            host = self.client[0] if self.client else None
            self.fast_path.proxy_watch.look(host, headers[self._watched_header], at_ms=at_ms)
        if encoder.respects_do_not_track and (headers.get(b"dnt") == b"1" or headers.get(b"sec-gpc") == b"1"):
            return encoder.encode_anonymous(key, at_ms=at_ms)
        address = self._peer_address
        if self.is_proxy and b"x-forwarded-for" in headers:
            address = self.fast_path.forwarded_visitors.find(address, headers[b"x-forwarded-for"])
        return encoder.encode(
            key,
            at_ms=at_ms,
            address=address,
            host=headers[b"host"],
            user_agent=headers.get(b"user-agent", b""),
            referrer=headers.get(b"referer", b""),
            language=headers.get(b"accept-language", b""),
        )

    def respond(self, request: PlainRequest, head: bytes, body: bytes = b"") -> None:
        request.response_complete = True
        if self.transport.is_closing():
            return
        if request.keep_alive and len(body) > _JOINED_BYTES:
            # No copy, so that slow readers of one page share its bytes.
            self.transport.writelines((head, body))
        elif request.keep_alive:
            self.transport.write(head + body)
        else:
            self.transport.write(with_connection_close(head) + body)
            self._close()
        self.on_response_complete()

    def fall_back(self, request: PlainRequest) -> None:
        """Let FastAPI answer the request, as if it had just come."""
        request.response_complete = True
        if self.transport.is_closing():
            return
        newer = self.parser, self.url, self.headers, self.cycle
        self.parser, self.cycle = cast(Any, request), cast(Any, None)
        self._prepare(request.url, request.headers)
        if request.unconfirmed is not None:
            self.scope["state"][UNCONFIRMED_VISIT] = request.unconfirmed
        if not request.is_trace_named:
            # Drawn once: a request that was not sampled here stays so.
            self.scope["state"][BEGUN_SPAN] = request.span
        HttpToolsProtocol.on_headers_complete(self)
        cycle = self.cycle
        cycle.transport = self._answer_transport
        cycle.more_body = False
        self.parser, self.url, self.headers, self.cycle = newer
        if newer[-1] is cast(Any, request):
            self.cycle = cycle
