"""The text of a paste by itself. Small ones are kept in memory as they are sent, for the fast path."""

import asyncio

from fastapi import Request, Response

from main_service.compression.encodings import IDENTITY, INLINE_BYTES, MIN_BYTES, Encoding, compress, encoding_headers
from main_service.compression.middleware import encoding_for
from main_service.dependencies import resources_of
from main_service.engines.texts import LARGEST_BYTES, TextChunks, in_one_chunk
from main_service.entries.cache import is_cacheable
from main_service.entries.entry import LiveEntry
from main_service.entries.serializers import robots, text_response


async def raw_text(request: Request, entry: LiveEntry, chunks: TextChunks) -> Response:
    """The response with the text of the entry, compressed if the client may have it so.

    A large text, or one that isn't cached, is sent as it is stored, or compressed as it is streamed.
    """
    size_bytes, encoding = entry.size_bytes or 0, encoding_for(request.scope)
    if encoding == "zstd" and size_bytes > MIN_BYTES and chunks.stored is not None:
        return _compressed_response(entry, chunks.stored, encoding)
    is_kept = is_cacheable(entry) and MIN_BYTES < size_bytes <= LARGEST_BYTES
    if encoding == IDENTITY or entry.body_id is None or not is_kept:
        return text_response(chunks, size_bytes=size_bytes, headers=robots(entry))
    texts = resources_of(request).texts
    compressed = texts.get(entry.body_id.hex, encoding)
    if compressed is None:
        text = b"".join([chunk async for chunk in chunks])
        if len(text) <= INLINE_BYTES:
            compressed = compress(text, encoding)
        else:
            compressed = await asyncio.to_thread(compress, text, encoding)
        texts.put(entry.body_id.hex, compressed, encoding)
    return _compressed_response(entry, compressed, encoding)


def _compressed_response(entry: LiveEntry, compressed: bytes, encoding: Encoding) -> Response:
    headers = {**encoding_headers(encoding), **robots(entry)}
    return text_response(in_one_chunk(compressed, held_bytes=0), size_bytes=len(compressed), headers=headers)
