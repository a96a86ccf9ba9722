"""Headers of all answers: those that protect pages and files, and the few for redirects.

`Strict-Transport-Security` is not among them: the gateway sends it, which has the certificate and knows whether https
will last.
"""

from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""The policy for raw texts of users: even a browser that takes one for a page runs nothing in it."""

_UNUSED_FEATURES = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi",
    "payment", "screen-wake-lock", "usb", "xr-spatial-tracking",
)  # fmt: skip
"""Features that our pages don't use, so that no script may. Only names that all browsers know; others are errors in
their consoles."""

DEFAULTS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    # For browsers without `frame-ancestors`.
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex",
    "permissions-policy": ", ".join(f"{feature}=()" for feature in _UNUSED_FEATURES),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "private, no-store",
}

PAGE_DEFAULTS = DEFAULTS | {"referrer-policy": "same-origin"}
"""The headers of pages. They tell our own site where a request comes from, and no other: under `no-referrer` browsers
would send `Origin: null` with our own forms, too."""

FOR_OTHER_SITES = {"cross-origin-resource-policy": "cross-origin"}
"""For pictures that pages of other sites may show."""

REDIRECT_DEFAULTS = {name: DEFAULTS[name] for name in ("x-content-type-options", "x-robots-tag", "cache-control")}
"""The headers of redirects. Other policies are left out, because browsers apply them to what follows: the target would
get no `Referer`, be cut off from the page that opened it, and could not be shown in a frame or as a picture."""

RawHeader = tuple[bytes, bytes]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def _encode(headers: dict[str, str]) -> list[RawHeader]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


_DEFAULTS = _encode(DEFAULTS)
_PAGE_DEFAULTS = _encode(PAGE_DEFAULTS)
_REDIRECT_DEFAULTS = _encode(REDIRECT_DEFAULTS)


def add_defaults(headers: list[RawHeader], status: int) -> None:
    """Set the headers that the route has not set. `headers`: with names in lower case, as Starlette has them."""
    present = dict(headers)
    if status in _REDIRECTS:
        defaults = _REDIRECT_DEFAULTS
    else:
        defaults = _PAGE_DEFAULTS if present.get(b"content-type", b"").startswith(b"text/html") else _DEFAULTS
    headers.extend([default for default in defaults if default[0] not in present])


class SecurityHeadersMiddleware:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = headers = list(message["headers"])
                add_defaults(headers, message["status"])
                if message["status"] == HTTPStatus.NO_CONTENT:
                    # The framework sets the Content-Type although there is no body.
                    message["headers"] = [header for header in headers if header[0] != b"content-type"]
            await send(message)

        await self.app(scope, receive, send_with_headers)
