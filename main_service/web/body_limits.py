"""Limits the size of each request's body, and of all bodies that a process holds at once.

What the application makes of bodies is not counted. Starlette's own limit is not used, because it answers a large
`Content-Length` in plain text.
"""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FREE_BYTES = 64 * 1024
"""The first bytes of each body, which are not counted, so that many large bodies never keep out a short text."""

MAX_BODY_BYTES = 128 * 1024
"""The largest body of a request that carries no text, and what a body may have beside its text."""


def body_limit(max_text_bytes: int) -> Callable[[str], int]:
    """The most bytes of the body of a request, by its path."""

    def limit(path: str) -> int:
        if path == "/api/v1/pastes" or path.startswith("/api/v1/entries/"):
            return largest_body_bytes(max_text_bytes)
        if path == "/pastes" or path.endswith("/edit"):
            # A browser sends each line end as two bytes.
            return 2 * max_text_bytes + MAX_BODY_BYTES
        return MAX_BODY_BYTES

    return limit


def largest_body_bytes(max_text_bytes: int) -> int:
    """The most bytes of the body of any request."""
    # JSON may write each byte of a text as `\u0001`, six bytes.
    return 6 * max_text_bytes + MAX_BODY_BYTES


class BodyLimitsMiddleware:
    """Answers 413 to a body over `limit(path)` bytes, and 503 when all bodies together would exceed `budget_bytes`.

    Both are raised where the body is read, as HTTPException, the only error that FastAPI lets through from there.
    """

    def __init__(self, app: ASGIApp, *, limit: Callable[[str], int], budget_bytes: int) -> None:
        self.app = app
        self._limit = limit
        self._left_bytes = budget_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD"):
            await self.app(scope, _without_body(receive), send)
            return
        max_bytes = self._limit(scope["path"])
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        is_too_large = announced.isdigit() and int(announced) > max_bytes
        received_bytes = 0
        held_bytes = 0

        async def receive_within_limits() -> Message:
            nonlocal received_bytes, held_bytes
            if is_too_large:
                raise HTTPException(413)
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > max_bytes:
                raise HTTPException(413)
            grown_bytes = max(0, received_bytes - FREE_BYTES) - held_bytes
            if grown_bytes > self._left_bytes:
                raise HTTPException(503, "Too many large requests right now.")
            held_bytes += grown_bytes
            self._left_bytes -= grown_bytes
            return message

        try:
            await self.app(scope, receive_within_limits, send)
        finally:
            self._left_bytes += held_bytes


def _without_body(receive: Receive) -> Receive:
    """`receive` with empty bodies. It still tells streaming answers that the client has disconnected."""

    async def receive_nothing() -> Message:
        message = await receive()
        return {**message, "body": b""} if message["type"] == "http.request" else message

    return receive_nothing
