"""An answer that is sent piece by piece, from something that stays in memory until its reader has taken all of it."""

from collections.abc import AsyncIterable

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

HELD_BYTES = "held_bytes"
"""Where the state of a request says how much that is, for the server, which bounds it."""


class HeldStream(StreamingResponse):
    """`held_bytes`: what is kept for this reader besides the piece that is being sent."""

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
