"""A paste's text as an answer of its own: hostile until proven otherwise, so never anything but plain text."""

from collections.abc import Mapping

from main_service.engines.texts import TextChunks
from main_service.web.headers import SANDBOX
from main_service.web.held_stream import HeldStream


def text_response(chunks: TextChunks, *, size_bytes: int, headers: Mapping[str, str] | None = None) -> HeldStream:
    return HeldStream(
        chunks,
        held_bytes=chunks.held_bytes,
        media_type="text/plain; charset=utf-8",
        headers={"Content-Length": str(size_bytes), "Content-Security-Policy": SANDBOX, **(headers or {})},
    )
