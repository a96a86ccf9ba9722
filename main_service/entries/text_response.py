"""A paste's text as an answer of its own: hostile until proven otherwise, so never anything but plain text."""

from collections.abc import AsyncIterator, Mapping

from fastapi.responses import StreamingResponse

from main_service.web.headers import SANDBOX


def text_response(
    chunks: AsyncIterator[bytes], *, size_bytes: int, headers: Mapping[str, str] | None = None
) -> StreamingResponse:
    return StreamingResponse(
        chunks,
        media_type="text/plain; charset=utf-8",
        headers={"Content-Length": str(size_bytes), "Content-Security-Policy": SANDBOX, **(headers or {})},
    )
