"""Bounds each request's body, and the bytes of all bodies that a process holds at once.

What is made of the bodies comes on top. Starlette's own limit answers in plain text where `Content-Length` says too
much, so it could not be our 413.
"""

from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FREE_BYTES = 64 * 1024
"""So much of a body is not counted, so that a crowd of large ones never keeps a short text out."""


class BodyLimitsMiddleware:
    """Answers 413 to a body over `limit(path)` bytes, 503 when the bodies held would exceed `budget_bytes`.

    Both are raised where the body is read, as the one error that FastAPI lets through from there.
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
    """Nobody reads the body of these methods, but answers that stream listen on for the end of their client."""

    async def receive_nothing() -> Message:
        message = await receive()
        return {**message, "body": b""} if message["type"] == "http.request" else message

    return receive_nothing
