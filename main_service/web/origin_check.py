"""Refuses requests that change something and that a browser sends from a page of another site.

Browsers say where a request comes from, so no form carries a token and no session is needed. The rules are those of
Go's `http.CrossOriginProtection`: `Sec-Fetch-Site` where there is one, else `Origin`; a request with neither is not
from a browser, or from one older than 2020, which sends no `SameSite=Lax` cookie with another site's forms.
"""

from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from main_service.errors import AppError, ForeignOriginError, OpenedOverHttpError
from main_service.settings import Settings
from main_service.web import form_tokens
from main_service.web.cors import OpenRequests
from main_service.web.problems import problem_response

_SAFE_METHODS = frozenset(["GET", "HEAD", "OPTIONS"])
_BROWSER_HEADERS = frozenset([b"origin", b"sec-fetch-site"])
_OWN_SITES = frozenset(["same-origin", "none"])
_OWN_CREDENTIALS = ("x-api-key", "x-manage-token")
"""Headers that browsers never add by themselves, as they do with Basic credentials. Only an open request can get them
from another site."""
_PATHS_WITHOUT_TOKEN = frozenset(
    f"/api/v1/auth/{path}"
    for path in ("register", "verify/resend", "token", "refresh", "forgot-password", "reset-password")
)
"""Paths whose routes ignore tokens, so that an invalid one would be accepted."""
_API = "/api/v1/"
_OF_WHAT_IS_THERE = frozenset(["PUT", "PATCH", "DELETE"])
"""The methods whose routes check a manage token. With such a token, they create nothing."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NO_PAGES = ("/links", "/pastes", "/reset", "/sign-out")
"""Where forms of other pages go; as the path of an entry each would answer GET."""

_MAX_PARTS = 5
"""More parts than the path of any page with a form has."""

WebOrigin = tuple[str, str, int | None]
"""Scheme, host and port, in lower case."""


class OriginCheckMiddleware:
    """Answers 403 to an unsafe request that a page of another site sends, unless it has credentials of its own."""

    def __init__(self, app: ASGIApp, *, settings: Settings, open_requests: OpenRequests) -> None:
        self.app = app
        self._open_requests = open_requests
        self._settings = settings
        self._public_origin = _read_origin(settings.public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _SAFE_METHODS or _is_from_no_browser(scope):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        error = self._find_error(request)
        if error is not None and request.headers.get("origin") == "null" and "sec-fetch-site" not in request.headers:
            is_ours, receive = await form_tokens.find_valid(request, self._settings)
            error = None if is_ours else error
        if error is None:
            await self.app(scope, receive, send)
        else:
            await problem_response(request, error)(scope, receive, send)

    def _find_error(self, request: Request) -> AppError | None:
        """Why the request is refused; None: it is not."""
        headers = request.headers
        if self._has_own_credentials(request):
            return None
        if site := headers.get("sec-fetch-site"):
            return None if site in _OWN_SITES else ForeignOriginError(_page_of_form(request))
        origin = _read_origin(headers.get("origin", ""))
        if origin is None or len(headers.getlist("origin")) > 1:
            return ForeignOriginError(_page_of_form(request))
        if origin == self._public_origin:
            return None
        path = request.url.path
        is_own_host = self._is_own_host(origin, headers.get("host", ""), path=path)
        if self._is_public_host_over_http(origin, is_own_host=is_own_host, path=path):
            return OpenedOverHttpError(self._settings.public_url + _page_of_form(request))
        return None if is_own_host else ForeignOriginError(_page_of_form(request))

    def _has_own_credentials(self, request: Request) -> bool:
        """Whether the request has a token that its route checks.

        Otherwise another site could send an arbitrary token and make its visitors create entries in their own name.
        """
        headers, method, path = request.headers, request.method, request.scope["path"]
        has_bearer = headers.get("authorization", "").partition(" ")[0].lower() == "bearer"
        if not self._open_requests.contains(method, path):
            return has_bearer or any(name in headers for name in _OWN_CREDENTIALS)
        if path in _PATHS_WITHOUT_TOKEN:
            return False
        has_api_key = bool(headers.get("x-api-key")) and not path.startswith(_API)
        return has_bearer or has_api_key or (bool(headers.get("x-manage-token")) and method in _OF_WHAT_IS_THERE)

    def _is_own_host(self, origin: WebOrigin, host: str, *, path: str) -> bool:
        """Whether the origin is that of `Host`. Without a port, that is the usual one of the origin's own scheme.

        For the public host the port is known: `Host` without a port, as some proxies send it, must not let through a
        page that another server on the same host sent. The API is not at risk, because it ignores cookies.
        """
        own = _read_origin(f"{origin[0]}://{host}")
        is_port_told = own is not None and host.endswith(f":{own[2]}")
        is_public = self._public_origin is not None and origin[1] == self._public_origin[1]
        return origin == own and (is_port_told or not is_public or path.startswith("/api/"))

    def _is_public_host_over_http(self, origin: WebOrigin, *, is_own_host: bool, path: str) -> bool:
        """Whether a page of ours was opened over http, where browsers keep none of the cookies that it needs."""
        if self._public_origin is None or (origin[0], self._public_origin[0]) != ("http", "https"):
            return False
        return not path.startswith("/api/") and (is_own_host or origin[1] == self._public_origin[1])


def _is_from_no_browser(scope: Scope) -> bool:
    """Whether neither of the headers that browsers send came. Nothing else is checked for requests of programs."""
    return not any(name in _BROWSER_HEADERS for name, _ in scope["headers"])


def _read_origin(text: str) -> WebOrigin | None:
    """None: it is `null`, or otherwise none of the web."""
    try:
        parts = urlsplit(text.lower())
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme]


def _page_of_form(request: Request) -> str:
    """The path of the page that the form is on: its own, or the next above it that answers GET."""
    app: FastAPI = request.app
    path: str = request.scope["raw_path"].decode("ascii", "replace")
    # Each part costs a lookup of routes, and a URL has room for thousands of parts.
    path = "/".join(path.split("/", _MAX_PARTS + 1)[: _MAX_PARTS + 1])
    while path.strip("/") and path not in _NO_PAGES:
        scope = {"type": "http", "method": "GET", "path": path, "headers": []}
        if any(route.matches(scope)[0] is Match.FULL for route in app.state.route_index.find(path)):
            return path
        path = path.rpartition("/")[0]
    return "/"
