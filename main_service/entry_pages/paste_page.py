"""The page of a paste. A long text is streamed, so that a slow reader keeps no more than the text in memory."""

from asyncio import sleep
from collections.abc import AsyncIterable, AsyncIterator
from secrets import token_hex

from fastapi import Request, Response
from markupsafe import Markup

from main_service.engines.texts import TextChunks, in_one_chunk
from main_service.entries.entry import LiveEntry
from main_service.entries.permissions import Actor
from main_service.entries.serializers import page_entry
from main_service.entries.syntaxes import common_syntaxes
from main_service.entry_pages.owner_strip import find_strip
from main_service.entry_pages.previews import NO_PREVIEW, FoundPreview
from main_service.entry_pages.rendered_text import MAX_COLOURED_BYTES, RenderedTexts
from main_service.rendering.errors import NotRenderedError
from main_service.rendering.file_names import extension_of_language
from main_service.rendering.markup import MAX_LINES_WITH_IDS, MAX_SHOWN_LINES
from main_service.rendering.plain_text import PlainTexts
from main_service.settings import Settings
from main_service.web.held_stream import HeldStream
from main_service.web.templating import render

WHOLE_BYTES = 128 * 1024
"""The page of a text up to this size is sent as a whole, with its length."""
_WITHOUT_COLOURS = (None, "text", "output")
"""Languages in which nothing has a colour."""


def is_to_be_coloured(entry: LiveEntry) -> bool:
    """Whether the text has a language with colours, and is not too long for them."""
    return entry.shown_syntax not in _WITHOUT_COLOURS and (entry.size_bytes or 0) <= MAX_COLOURED_BYTES


def page_around(
    request: Request,
    settings: Settings,
    entry: LiveEntry,
    actor: Actor,
    *,
    lines: str,
    line_count: int,
    preview: FoundPreview,
    chosen_language: str | None = None,
) -> Response:
    """The page of a paste around the HTML of its lines, or of its preview if that is shown.

    `chosen_language`: the one in which the reader asked for the entry, for the links of the page; None: for none.
    """
    return render(
        request,
        "entries/paste.html",
        entry=page_entry(entry, settings.public_url),
        strip=find_strip(request, entry, actor),
        languages=common_syntaxes(),
        chosen_language=chosen_language,
        chosen_extension=chosen_language and extension_of_language(chosen_language),
        lines=Markup(lines),  # noqa: S704 (the renderer's)
        line_count=line_count,
        is_long=line_count > MAX_LINES_WITH_IDS,
        has_preview=preview.exists,
        preview=preview.shown,
        refusal=preview.refusal,
        hidden_after=MAX_SHOWN_LINES if line_count > MAX_SHOWN_LINES else None,
    )


async def paste_page(
    request: Request,
    settings: Settings,
    entry: LiveEntry,
    actor: Actor,
    chunks: TextChunks,
    preview: FoundPreview = NO_PREVIEW,
    *,
    has_colours: bool = True,
    chosen_language: str | None = None,
) -> Response:
    """The page of a paste: its preview, or its code with the colours of its language if it is not too long for them.

    `has_colours`: false if the renderer has failed already. `chosen_language`: as for `page_around`.
    """

    def page(lines: str, line_count: int) -> Response:
        return page_around(
            request,
            settings,
            entry,
            actor,
            lines=lines,
            line_count=line_count,
            preview=preview,
            chosen_language=chosen_language,
        )

    plain_texts: PlainTexts = request.app.state.plain_texts
    size_bytes = entry.size_bytes or 0
    texts: RenderedTexts = request.app.state.rendered_texts
    line_count = await count_lines(texts.in_turns(chunks))
    coloured = None if preview.shown is None else preview.shown.html
    if coloured is None and has_colours and is_to_be_coloured(entry):
        coloured = await _coloured(texts, entry, chunks)
    if coloured is None and size_bytes <= WHOLE_BYTES:
        return page(await plain_texts.joined(chunks), line_count)
    if coloured is not None and len(coloured) <= 4 * WHOLE_BYTES:
        return page(coloured, line_count)
    mark = token_hex(16)
    around = page(mark, line_count)
    if coloured is None:
        return _stream(around, mark, plain_texts.streamed(chunks), held_bytes=chunks.held_bytes)
    html = coloured.encode()
    return _stream(around, mark, in_one_chunk(html, held_bytes=0), held_bytes=len(html))


async def count_lines(chunks: AsyncIterable[bytes]) -> int:
    """How many lines a text has. One that ends without a line end is shown, and copied, without one."""
    count, last = 0, b"\n"
    async for chunk in chunks:
        count += chunk.count(b"\n")
        last = chunk[-1:] or last
        await sleep(0)
    return count + (last != b"\n")


async def _coloured(texts: RenderedTexts, entry: LiveEntry, chunks: TextChunks) -> Markup | None:
    options = {"syntax": entry.shown_syntax}
    if (kept := texts.find(entry, "code", options)) is not None:
        return kept.html
    try:
        text = b"".join([chunk async for chunk in texts.in_turns(chunks)])
        return (await texts.render(entry, text, "code", options)).html
    except NotRenderedError:
        return None


def _stream(around: Response, mark: str, pieces: AsyncIterable[bytes], *, held_bytes: int) -> Response:
    """Stream the page `around` with the pieces in place of the mark."""
    head, _, tail = bytes(around.body).partition(mark.encode())

    async def all_pieces() -> AsyncIterator[bytes]:
        yield head
        async for piece in pieces:
            yield piece
        yield tail

    return HeldStream(all_pieces(), held_bytes=held_bytes, media_type="text/html")
