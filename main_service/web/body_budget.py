"""Bounds the memory that all request bodies of a process take together."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

FREE_BYTES = 1024 * 1024
"""The first megabyte of a body is not counted, so that a crowd of large ones never keeps a short text out."""


class BodyBudgetMiddleware:
    """Answers 503 when the bodies being held would exceed `budget_bytes`."""

    def __init__(self, app: ASGIApp, *, budget_bytes: int) -> None:
        self.app = app
        self._left_bytes = budget_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        received_bytes = 0
        held_bytes = 0

        async def receive_within_budget() -> Message:
            nonlocal received_bytes, held_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            grown_bytes = max(0, received_bytes - FREE_BYTES) - held_bytes
            if grown_bytes > self._left_bytes:
                # FastAPI makes a 400 of any other error that is raised while it reads a body.
                raise HTTPException(503, "Too many large requests are being handled right now.")
            held_bytes += grown_bytes
            self._left_bytes -= grown_bytes
            return message

        try:
            await self.app(scope, receive_within_budget, send)
        finally:
            self._left_bytes += held_bytes
