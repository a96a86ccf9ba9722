"""Pages of pastes that are kept in memory, for the fast path to send. FastAPI makes them and keeps them here.

A page is kept only if it is the same for everyone whose request the fast path takes. FastAPI and the
fast path must judge each request alike, or one would count a visit with a page that the other would not send.
"""

import asyncio
from secrets import token_hex

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from main_service.compression.encodings import (
    IDENTITY,
    INLINE_BYTES,
    Encoding,
    best_encoding,
    compress,
    encoding_headers,
)
from main_service.compression.our_cookies import has_personal_cookie
from main_service.dependencies import resources_of
from main_service.engines.page_cache import Page
from main_service.engines.texts import TextChunks, in_one_chunk
from main_service.entries.cache import is_cacheable, page_tag
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Visibility
from main_service.entries.permissions import Actor
from main_service.entries.serializers import robots
from main_service.entry_pages.paste_page import count_lines, is_to_be_coloured, page_around, paste_page
from main_service.entry_pages.previews import FoundPreview, find_preview
from main_service.entry_pages.rendered_text import RenderedTexts
from main_service.entry_pages.views import View
from main_service.rendering.client import Renderer
from main_service.rendering.errors import NotRenderedError
from main_service.rendering.job import Job, Rendered
from main_service.settings import Settings
from main_service.web.bodies.form import TOKEN
from main_service.web.head_requests import FileStream

VARY = "Accept, Accept-Encoding"


def find_cached_page(request: Request, entry: LiveEntry) -> Response | None:
    """The page of the entry as it is now; None: it is not kept, or this reader needs another."""
    if not _may_get_cached_page(request, entry):
        return None
    pages = resources_of(request).pages
    page = pages.get(entry.key, _encoding(request))
    if page is None:
        return None
    if page.tag != page_tag(entry):
        pages.drop(entry.key)
        return None
    return _response(page, entry)


def drop_pages(request: Request, key: str) -> None:
    """Drop the pages of an entry that has ended, or is no longer for all."""
    resources_of(request).pages.drop(key)


async def make_page(
    request: Request,
    settings: Settings,
    entry: LiveEntry,
    actor: Actor,
    chunks: TextChunks,
    asked: View | None,
) -> Response:
    """Make the page of the entry for this reader; keep it if everyone would get it and it is as it will stay.

    `asked`: the view that the reader wants; None: the one that its language opens with.
    """
    preview = await find_preview(request.app.state.rendered_texts, entry, chunks, asked)
    if not _may_get_cached_page(request, entry):
        return await paste_page(request, settings, entry, actor, chunks, preview)
    if preview.shown is not None:
        return await _keep(request, entry, await paste_page(request, settings, entry, actor, chunks, preview))
    if preview.refusal is not None:
        # It may be ready for the next reader.
        return await paste_page(request, settings, entry, actor, chunks, preview)
    pages, encoding = resources_of(request).pages, _encoding(request)
    is_large = pages.is_too_large(entry.key, encoding, tag=page_tag(entry))
    if not is_to_be_coloured(entry) or is_large:
        # A large page is only made from a cached rendering of its text.
        response = await paste_page(request, settings, entry, actor, chunks, preview)
        return response if is_large else await _keep(request, entry, response)
    try:
        return await _render_page(request, settings, entry, actor, chunks, preview)
    except NotRenderedError as error:
        response = await paste_page(request, settings, entry, actor, chunks, preview, has_colours=False)
        return await _keep(request, entry, response) if error.is_lasting else response


async def _render_page(
    request: Request,
    settings: Settings,
    entry: LiveEntry,
    actor: Actor,
    chunks: TextChunks,
    preview: FoundPreview,
) -> Response:
    """The page as the renderer makes, compresses and joins it. It is kept even if it comes too late for this reader.

    Raises:
        NotRenderedError: it can't be made, or not soon.
    """
    texts: RenderedTexts = request.app.state.rendered_texts
    text, mark = b"".join([chunk async for chunk in texts.in_turns(chunks)]), token_hex(16)
    line_count = await count_lines(in_one_chunk(text, held_bytes=0))
    around = page_around(request, settings, entry, actor, lines=mark, line_count=line_count, preview=preview)
    if not _is_for_all(around):
        raise NotRenderedError("the page is for one reader")
    before, _, after = bytes(around.body).partition(mark.encode())
    renderer: Renderer = request.app.state.renderer
    pages, encoding = resources_of(request).pages, _encoding(request)

    def page_of(rendered: Rendered) -> Page:
        return Page(page_tag(entry), encoding, rendered.content, entry.visibility is Visibility.PUBLIC)

    def keep(rendered: Rendered) -> None:
        pages.put(entry.key, page_of(rendered))

    job = Job(
        kind="code",
        text=text,
        subject=entry.body_id,
        options={"syntax": entry.shown_syntax},
        before=before,
        after=after,
        encoding=encoding,
    )
    return _response(page_of(await renderer.render(job, keep=keep)), entry)


async def _keep(request: Request, entry: LiveEntry, response: Response) -> Response:
    """Keep the page in the encoding that this reader wants; return the response with it. Not one that is streamed."""
    if isinstance(response, StreamingResponse) or not _is_for_all(response):
        return response
    content, encoding = bytes(response.body), _encoding(request)
    if encoding != IDENTITY and len(content) <= INLINE_BYTES:
        content = compress(content, encoding)
    elif encoding != IDENTITY:
        content = await asyncio.to_thread(compress, content, encoding)
    page = Page(page_tag(entry), encoding, content, entry.visibility is Visibility.PUBLIC)
    resources_of(request).pages.put(entry.key, page)
    return _response(page, entry)


def head_of_page() -> Response:
    """The answer to HEAD when no page is kept: the page is not rendered only to tell its length."""
    return FileStream((), media_type="text/html")


def _may_get_cached_page(request: Request, entry: LiveEntry) -> bool:
    """Whether the reader gets what everyone gets. `fast_path.protocol` must decide alike from the same headers."""
    cookies = "; ".join(request.headers.getlist("cookie")).encode("latin-1")
    return not (
        not is_cacheable(entry)
        or request.url.query
        or "authorization" in request.headers
        or has_personal_cookie(cookies)
    )


def _is_for_all(page: Response) -> bool:
    """Whether the page has no form token, which would be for one browser only."""
    return "set-cookie" not in page.headers and f'name="{TOKEN}"'.encode() not in bytes(page.body)


def _encoding(request: Request) -> Encoding:
    return best_encoding(", ".join(request.headers.getlist("accept-encoding")).encode("latin-1"))


def _response(page: Page, entry: LiveEntry) -> Response:
    return HTMLResponse(page.body, headers={"vary": VARY, **encoding_headers(page.encoding), **robots(entry)})
