"""A streamed answer whose content stays in memory until the client has received all of it."""

from collections.abc import AsyncIterable

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

HELD_BYTES = "held_bytes"
"""The key in a request's state for the number of these bytes. The server limits their sum."""


class HeldStream(StreamingResponse):
    """A streamed answer. `held_bytes`: bytes that stay in memory besides the chunk that is being sent."""

    def __init__(
        self,
        content: AsyncIterable[bytes],
        *,
        held_bytes: int,
        media_type: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(content, media_type=media_type, headers=headers)
        self._held_bytes = held_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][HELD_BYTES] = self._held_bytes
        await super().__call__(scope, receive, send)
