"""Lets pages of other sites use the API and the doors (CORS), always without cookies."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from main_service.settings.doors import ANY

EXPOSED = ("Location", "X-Manage-Token", "ETag", "Retry-After", "RateLimit", "RateLimit-Policy")
"""The headers of answers that scripts of other sites may read, beside those that each may."""
ALLOWED_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
ALLOWED_HEADERS = (
    *("Authorization", "X-Api-Key", "X-Manage-Token", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match"),
    # Options of plain requests.
    *("Expires", "Views", "Syntax", "Alias", "Visibility", "Title"),
)
"""The headers that scripts of other sites may send. `*` would not cover the first."""
PREFLIGHT_SECONDS = 24 * 3600

_ALLOW_ORIGIN = "access-control-allow-origin"
_EXPOSE = {"access-control-expose-headers": ", ".join(EXPOSED)}

SCOPE_NAME = "slipbin.cors"
"""The key in a request's scope for the headers of its answer."""

_API = "/api/"
_READING = frozenset(["GET", "HEAD"])


class OpenRequests:
    """Which requests pages of other sites may send: all of the API, and those of the doors."""

    def __init__(self, doors: Iterable[APIRouter], *, is_reserved: Callable[[str], bool]) -> None:
        """`is_reserved`: whether our own pages begin with this word, so that no door opens them."""
        self._is_reserved = is_reserved
        self._first_parts: set[str] = set()
        self._of_any_path: list[tuple[APIRoute, set[str]]] = []
        for route in (route for router in doors for route in router.routes if isinstance(route, APIRoute)):
            first = _first_part(route.path)
            if first and "{" not in first:
                self._first_parts.add(first)
            else:
                # GET at the path of an entry may answer a page.
                self._of_any_path.append((route, set(route.methods or ()) - _READING))

    def contains(self, method: str, path: str) -> bool:
        if path.startswith(_API):
            return True
        first = _first_part(path)
        if first in self._first_parts:
            return True
        matching = (route for route, methods in self._of_any_path if method in methods and route.path_regex.match(path))
        return next(matching, None) is not None and not (method == "POST" and self._is_reserved(first))


class AllowedOrigins:
    """The sites whose scripts may read answers, and the headers that let them."""

    def __init__(self, origins: frozenset[str]) -> None:
        """`origins`: the sites; `*` among them means all."""
        self._origins = origins

    def contains(self, origin: str | None) -> bool:
        return ANY in self._origins or origin in self._origins

    def headers(self, origin: str | None) -> dict[str, str]:
        """The headers of an answer. `origin`: the site whose script asks; None: the request names none."""
        if ANY in self._origins:
            return {_ALLOW_ORIGIN: ANY, **_EXPOSE}
        varying = {"vary": "Origin"}
        return {_ALLOW_ORIGIN: origin, **_EXPOSE, **varying} if origin in self._origins and origin else varying

    def headers_of_refusal(self, origin: str | None) -> dict[str, str]:
        """The headers of an answer that is sent whatever was asked. `origin`: None: it is not known yet; where only one
        site is allowed, it is named.
        """
        if origin is None and len(self._origins) == 1:
            (origin,) = self._origins
        return self.headers(origin) if self._origins else {}


class CorsMiddleware:
    """Answers preflights, and marks each answer to an open request as readable for scripts of other sites."""

    def __init__(self, app: ASGIApp, *, requests: OpenRequests, origins: AllowedOrigins) -> None:
        self.app = app
        self._requests = requests
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        wanted = headers.get("access-control-request-method") if scope["method"] == "OPTIONS" else None
        if not self._requests.contains(wanted or scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        origin = headers.get("origin")

        # In the scope, because the answer to a bug bypasses this middleware.
        marks = scope[SCOPE_NAME] = self._origins.headers(origin)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                mark(MutableHeaders(scope=message), marks)
            await send(message)

        if wanted is not None and origin is not None and self._origins.contains(origin):
            await self._answer_preflight(send_marked)
        else:
            await self.app(scope, receive, send_marked)

    async def _answer_preflight(self, send: Send) -> None:
        headers = {
            "access-control-allow-methods": ", ".join(ALLOWED_METHODS),
            "access-control-allow-headers": ", ".join(ALLOWED_HEADERS),
            "access-control-max-age": str(PREFLIGHT_SECONDS),
            "cache-control": "no-store",
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": HTTPStatus.NO_CONTENT, "headers": raw})
        await send({"type": "http.response.body", "body": b""})


def mark(headers: MutableHeaders, marks: Mapping[str, str]) -> None:
    """Add the headers by which scripts of other sites may read the answer, as they stand in its request's scope."""
    for name, value in marks.items():
        if name == "vary":
            headers.add_vary_header(value)
        else:
            headers[name] = value


def _first_part(path: str) -> str:
    return path.split("/", 2)[1] if path.startswith("/") else ""
