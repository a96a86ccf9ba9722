"""The responses of the fast path, byte for byte as FastAPI would send them."""

from main_service.compression.encodings import ENCODINGS, IDENTITY, Encoding, encoding_headers
from main_service.engines.page_cache import Page
from main_service.entry_pages.cached_pages import VARY as PAGE_VARY
from main_service.http_server.framing import RawHeaders
from main_service.web.headers import DEFAULTS, PAGE_DEFAULTS, REDIRECT_DEFAULTS, SANDBOX


class ResponseTemplates:
    """Templates for a process. `default_headers` is uvicorn's own list, which is replaced each second."""

    def __init__(self) -> None:
        self._default_headers: RawHeaders | None = None
        self._redirect_start = self._text_start = b""

    def redirect(self, target: bytes, default_headers: RawHeaders, *, for_search_engines: bool) -> bytes:
        if default_headers is not self._default_headers:
            self._render(default_headers)
        return self._redirect_start + target + _REDIRECT_ENDING[for_search_engines]

    def text_head(
        self, size_bytes: int, default_headers: RawHeaders, *, coding: Encoding, for_search_engines: bool
    ) -> bytes:
        """The head of the response with a text that has this size in this content coding."""
        if default_headers is not self._default_headers:
            self._render(default_headers)
        return b"%b%d%b" % (self._text_start, size_bytes, _TEXT_ENDING[coding, for_search_engines])

    def page_head(self, page: Page, default_headers: RawHeaders) -> bytes:
        """The head of the response with this page."""
        if default_headers is not self._default_headers:
            self._render(default_headers)
        return b"%b%d%b" % (self._text_start, len(page.body), _PAGE_ENDING[page.encoding, page.for_search_engines])

    def _render(self, default_headers: RawHeaders) -> None:
        lines = b"".join(b"%b: %b\r\n" % header for header in default_headers)
        self._redirect_start = b"HTTP/1.1 302 Found\r\n" + lines + b"location: "
        self._text_start = b"HTTP/1.1 200 OK\r\n" + lines + b"content-length: "
        self._default_headers = default_headers


def with_connection_close(head: bytes) -> bytes:
    """The same head for the last response on its connection."""
    return head[:-2] + b"connection: close\r\n\r\n"


def _ending(
    headers: dict[str, str], last_headers: dict[str, str], defaults: dict[str, str], *, for_search_engines: bool
) -> bytes:
    """What follows the headers that differ with each response, in the order in which FastAPI sends it."""
    own = headers | ({"x-robots-tag": "all"} if for_search_engines else {}) | last_headers
    return "".join(f"\r\n{name}: {value}" for name, value in (own | defaults | own).items()).encode() + b"\r\n\r\n"


_REDIRECT_ENDING = {
    flag: _ending({}, {"content-length": "0"}, REDIRECT_DEFAULTS, for_search_engines=flag) for flag in (True, False)
}
_TEXT_ENDING = {
    (encoding, flag): _ending(
        {"content-security-policy": SANDBOX, "vary": "Accept-Encoding", **encoding_headers(encoding)},
        {"content-type": "text/plain; charset=utf-8"},
        DEFAULTS,
        for_search_engines=flag,
    )
    for flag in (True, False)
    for encoding in (IDENTITY, *ENCODINGS)
}
_PAGE_ENDING = {
    (encoding, flag): _ending(
        {"vary": PAGE_VARY, **encoding_headers(encoding), "content-type": "text/html; charset=utf-8"},
        {},
        PAGE_DEFAULTS,
        for_search_engines=flag,
    )
    for flag in (True, False)
    for encoding in (IDENTITY, *ENCODINGS)
}
