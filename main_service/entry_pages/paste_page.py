"""The page of a paste. A long text is streamed, so that a slow reader keeps no more than the text in memory."""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from secrets import token_hex

from fastapi import Request, Response
from markupsafe import Markup

from main_service.engines.texts import TextChunks, in_one_chunk
from main_service.entries.entry import LiveEntry
from main_service.entries.permissions import Actor
from main_service.entries.serializers import page_entry
from main_service.entry_pages.numbered_text import MAX_NUMBERED_BYTES, count_lines, escaped_chunks, numbered_pieces
from main_service.entry_pages.view_question import has_way_to_manage
from main_service.settings import Settings
from main_service.web.held_stream import HeldStream
from main_service.web.templating import render

WHOLE_BYTES = 128 * 1024
"""The page of a text up to this size is sent as a whole, with its length."""


async def paste_page(
    request: Request, settings: Settings, entry: LiveEntry, actor: Actor, chunks: TextChunks
) -> Response:
    """The page of a paste, with numbered lines unless the text is too long for them."""

    def page(lines: Markup | None, line_count: int | None, text: str = "") -> Response:
        return render(
            request,
            "entries/paste.html",
            entry=page_entry(entry, settings.public_url),
            may_manage=has_way_to_manage(entry, actor),
            lines=lines,
            line_count=line_count,
            text=text,
        )

    mark = token_hex(16)
    if (entry.size_bytes or 0) <= MAX_NUMBERED_BYTES:
        text = b"".join([chunk async for chunk in chunks])
        if (line_count := count_lines(text)) is not None:
            pieces = numbered_pieces(text)
            if len(text) <= WHOLE_BYTES:
                return page(Markup("".join(pieces)), line_count)  # noqa: S704 (escaped there)
            around = page(Markup(mark), line_count)  # noqa: S704 (our own)
            return _stream(around, mark, _encoded(pieces), held_bytes=len(text))
        chunks = in_one_chunk(text, held_bytes=len(text))
    around = page(None, None, text=mark)
    return _stream(around, mark, escaped_chunks(chunks), held_bytes=chunks.held_bytes)


def _stream(around: Response, mark: str, pieces: AsyncIterable[bytes], *, held_bytes: int) -> Response:
    """Stream the page `around` with the pieces in place of the mark."""
    head, _, tail = bytes(around.body).partition(mark.encode())

    async def all_pieces() -> AsyncIterator[bytes]:
        yield head
        async for piece in pieces:
            yield piece
        yield tail

    return HeldStream(all_pieces(), held_bytes=held_bytes, media_type="text/html")


async def _encoded(pieces: Iterator[str]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece.encode()
