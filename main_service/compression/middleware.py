"""Compresses answers on their way out: what people read, where its length can tell no secret.

The compressed length of a page that contains both a secret of its reader and text chosen by another site reveals the
secret to that site (BREACH). So answers to requests with one of our cookies or a token, and answers that set a cookie,
are not compressed.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from main_service.compression.encodings import (
    COMPRESSOR_BYTES,
    IDENTITY,
    INLINE_BYTES,
    MIN_BYTES,
    Compressor,
    Encoding,
    best_encoding,
    compress,
    compressor,
)
from main_service.compression.our_cookies import has_our_cookie

_TYPES = frozenset(
    ["text/html", "text/plain", "text/css", "text/javascript", "application/javascript", "image/svg+xml"]
)
_API_DOCUMENT = "/openapi.json"
_OF_NO_WHOLE = frozenset({HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED})


def is_compressible(content_type: str) -> bool:
    """Whether answers with this `Content-Type` are compressed."""
    return content_type.partition(";")[0].strip().lower() in _TYPES


def encoding_for(scope: Scope) -> Encoding:
    """The coding for the answer to this request, if the answer is of a kind that is compressed."""
    headers = Headers(scope=scope)
    cookies = "; ".join(headers.getlist("cookie")).encode("latin-1")
    # A stream could be sent to HTTP/1.0 only by closing the connection behind it.
    if scope["http_version"] == "1.0" or "authorization" in headers or has_our_cookie(cookies):
        return IDENTITY
    return best_encoding(", ".join(headers.getlist("accept-encoding")).encode("latin-1"))


class CompressionMiddleware:
    """Compresses answers to strangers. The work on large ones is done in threads, chunk by chunk."""

    def __init__(self, app: ASGIApp, *, held_bytes: str) -> None:
        """`held_bytes`: the key in a request's state for the bytes that stay in memory while its answer is sent."""
        self._app = app
        self._held_bytes = held_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer: _CompressedAnswer | None = None

        async def send_compressed(message: Message) -> None:
            nonlocal answer
            if answer is not None:
                await answer.send_body(message)
            elif message["type"] != "http.response.start" or (encoding := _encoding_of(scope, message)) == IDENTITY:
                await send(message)
            else:
                answer = _CompressedAnswer(scope, send, message, encoding=encoding, held_bytes=self._held_bytes)

        await self._app(scope, receive, send_compressed)


def _encoding_of(scope: Scope, start: Message) -> Encoding:
    """The coding for the answer that starts so. Says in `Vary` that there may be another for others."""
    is_right_type = scope["path"] == _API_DOCUMENT or any(
        name == b"content-type" and is_compressible(value.decode("latin-1")) for name, value in start["headers"]
    )
    if not is_right_type or start["status"] in _OF_NO_WHOLE:
        return IDENTITY
    headers = MutableHeaders(scope=start)
    # One with an ETag is another representation, which its route must name; static files do.
    if "etag" in headers:
        return IDENTITY
    if "accept-encoding" not in headers.get("vary", "").lower():
        headers.add_vary_header("Accept-Encoding")
    is_small = int(headers.get("content-length", MIN_BYTES + 1)) <= MIN_BYTES
    if is_small or "content-encoding" in headers or "set-cookie" in headers:
        return IDENTITY
    return encoding_for(scope)


class _CompressedAnswer:
    """An answer on its way out. Its start is held back until its first chunk is there."""

    def __init__(self, scope: Scope, send: Send, start: Message, *, encoding: Encoding, held_bytes: str) -> None:
        self._scope = scope
        self._send = send
        self._start: Message | None = start
        self._encoding = encoding
        self._held_bytes = held_bytes
        self._compressor: Compressor | None = None

    async def send_body(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
        elif self._start is not None:
            start, self._start = self._start, None
            await self._send_first(start, message)
        elif self._compressor is not None:
            await self._send_more(self._compressor, message)
        else:
            await self._send(message)

    async def _send_first(self, start: Message, message: Message) -> None:
        """Send the start and the first chunk, which may be all."""
        headers = MutableHeaders(scope=start)
        content = message.get("body", b"")
        headers["content-encoding"] = self._encoding
        if not message.get("more_body", False) and "content-length" in headers:
            content = await _in_thread_if_large(lambda data: compress(data, self._encoding), content)
            headers["content-length"] = str(len(content))
            await self._send(start)
            await self._send({**message, "body": content})
            return
        del headers["content-length"]
        await self._send(start)
        if self._scope["method"] == "HEAD":
            await self._send({**message, "body": b""})
            return
        state = self._scope["state"]
        state[self._held_bytes] = state.get(self._held_bytes, 0) + COMPRESSOR_BYTES
        self._compressor = compressor(self._encoding)
        await self._send_more(self._compressor, message)

    async def _send_more(self, compressor: Compressor, message: Message) -> None:
        content, has_more = message.get("body", b""), message.get("more_body", False)

        def compressed(data: bytes) -> bytes:
            return compressor.compress(data) + (b"" if has_more else compressor.flush())

        content = await _in_thread_if_large(compressed, content)
        if content or not has_more:
            await self._send({**message, "body": content})


async def _in_thread_if_large(work: Callable[[bytes], bytes], content: bytes) -> bytes:
    return work(content) if len(content) <= INLINE_BYTES else await asyncio.to_thread(work, content)
