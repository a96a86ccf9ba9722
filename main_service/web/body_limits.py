"""Limits the size of each request's body, and of all bodies that a process holds at once.

What the application makes of bodies is not counted. Starlette's own limit is not used, because it answers a large
`Content-Length` in plain text.
"""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FREE_BYTES = 64 * 1024
"""The first bytes of each body, which are not counted, so that many large bodies never keep out a short text."""


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
