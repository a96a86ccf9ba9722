"""A span for each request that FastAPI answers, named after its route, because URLs hold keys, tokens and queries."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from main_service.monitoring import tracing
from main_service.web.client_address import Proxies, is_trusted

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from main_service.monitoring.trace_pipeline import TracePipeline

BEGUN_SPAN = "begun_span"
"""The name, in the state of a request, of the span that the fast path began for it; None: it is not to be sampled."""
UNTRACED = frozenset(["/health/live", "/health/ready", "/metrics"])
"""Programs request these every few seconds, which would outnumber the requests of users."""

_STATIC = "/static/"


class RequestTracingMiddleware:
    """Traces what is inside it; the outermost one. Only where traces are on."""

    def __init__(self, app: ASGIApp, *, pipeline: "TracePipeline", trusted_proxies: Proxies) -> None:
        self._app = app
        self._pipeline = pipeline
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"] in UNTRACED:
            self._pipeline.leave_untraced()
            await self._app(scope, receive, send)
            return
        requests = self._pipeline.requests
        state = scope.get("state", {})
        if BEGUN_SPAN in state:
            span = state.pop(BEGUN_SPAN) or requests.begin_unsampled()
        else:
            span = requests.begin(self._parent(scope))
        # The request's asyncio task is its own, and what follows there, as the log of a bug, belongs to the trace too.
        self._pipeline.enter(span)
        if not span.get_span_context().trace_flags.sampled:
            await self._app(scope, receive, send)
            return
        status: int | None = None

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        error: str | None = None
        try:
            await self._app(scope, receive, send_and_note)
        except Exception as bug:
            error = type(bug).__name__
            raise
        finally:
            # The server answers a bug.
            answered = 500 if status is None and error is not None else status
            requests.end(span, method=scope["method"], route=route_of(scope), status=answered, error=error)

    def _parent(self, scope: Scope) -> "SpanContext | None":
        """The span that a trusted proxy says the request belongs to. What others say would choose what is sampled."""
        client = scope.get("client")
        if not is_trusted(client[0] if client else None, self._trusted_proxies):
            return None
        return tracing.named_span(scope["headers"])


def route_of(scope: Mapping[str, Any]) -> str | None:
    """The path template of the matched route, such as `/{key}/raw`; None: no route matched."""
    if scope["path"].startswith(_STATIC):
        return f"{_STATIC}{{path}}"
    path: str | None = getattr(scope.get("route"), "path", None)
    return path
