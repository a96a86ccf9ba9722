"""What a reader of an address gets: the redirect, the text, the page."""

from collections.abc import AsyncIterator
from secrets import token_hex

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse

from main_service.dependencies import SettingsDep
from main_service.entries.dependencies import EntryReaderDep
from main_service.entries.lines import MAX_NUMBERED_BYTES, escaped_chunks, numbered_lines
from main_service.entries.live_entry import LiveEntry
from main_service.entries.presentation import page_entry, robots
from main_service.entries.targets import to_ascii
from main_service.entries.text_response import text_response
from main_service.errors import (
    BodyStoreUnavailableError,
    DatabaseUnavailableError,
    EntryEndedError,
    NotAPasteError,
    NotFoundError,
)
from main_service.problems import InternalError, problem_responses
from main_service.settings import Settings
from main_service.web.negotiation import wants_html
from main_service.web.templating import render

router = APIRouter(tags=["reading"])

_READ = (NotFoundError, EntryEndedError, DatabaseUnavailableError, InternalError)
_PLAIN_TEXT = {"text/plain": {"schema": {"type": "string"}}}


@router.head("/{key}/raw", include_in_schema=False)
@router.get(
    "/{key}/raw",
    summary="The text of a paste, plain",
    response_class=Response,
    responses={
        200: {"content": _PLAIN_TEXT, "description": "The text, to the byte."},
        **problem_responses(*_READ, BodyStoreUnavailableError, NotAPasteError),
    },
)
async def read_raw(key: str, reader: EntryReaderDep) -> Response:
    entry, chunks = await reader.open_text(await reader.get(key))
    return text_response(chunks, size_bytes=entry.size_bytes or 0, headers=robots(entry))


@router.head("/{key}+", include_in_schema=False)
@router.get("/{key}+", include_in_schema=False)
async def preview(key: str, request: Request, reader: EntryReaderDep, settings: SettingsDep) -> Response:
    """Where a link leads, without going there. A paste is its own preview."""
    entry = await reader.get(key)
    if entry.original_url is None:
        return RedirectResponse(f"/{entry.key}", 302)
    shown = page_entry(entry, settings.public_url)
    response = render(request, "entries/preview.html", entry=shown)
    response.headers.update(robots(entry))
    return response


@router.head("/{key}", include_in_schema=False)
@router.get(
    "/{key}",
    summary="Follow a link or read a paste",
    response_class=Response,
    responses={
        200: {
            "content": {"text/html": {"schema": {"type": "string"}}, **_PLAIN_TEXT},
            "description": "A paste: a page where `Accept` names HTML, else the text alone.",
        },
        302: {"description": "A link: `Location` is where it leads."},
        **problem_responses(*_READ, BodyStoreUnavailableError),
    },
)
async def read(key: str, request: Request, reader: EntryReaderDep, settings: SettingsDep) -> Response:
    entry = await reader.get(key)
    if entry.original_url is not None:
        return Response(status_code=302, headers={"Location": to_ascii(entry.original_url), **robots(entry)})
    entry, chunks = await reader.open_text(entry)
    headers = {"Vary": "Accept", **robots(entry)}
    if not wants_html(request.headers):
        return text_response(chunks, size_bytes=entry.size_bytes or 0, headers=headers)
    response = await _paste_page(request, settings, entry, chunks)
    response.headers.update(headers)
    return response


async def _paste_page(request: Request, settings: Settings, entry: LiveEntry, chunks: AsyncIterator[bytes]) -> Response:
    """With numbered lines; a text that is too long for them streams through as it is read from the store."""
    shown = page_entry(entry, settings.public_url)
    if (entry.size_bytes or 0) <= MAX_NUMBERED_BYTES:
        text = b"".join([chunk async for chunk in chunks])
        if (numbered := numbered_lines(text.decode())) is not None:
            lines, line_count = numbered
            return render(request, "entries/paste.html", entry=shown, lines=lines, line_count=line_count, text="")
        chunks = _once(text)
    mark = token_hex(16)
    page = render(request, "entries/paste.html", entry=shown, lines=None, line_count=None, text=mark)
    head, _, tail = bytes(page.body).partition(mark.encode())
    return StreamingResponse(_between(head, escaped_chunks(chunks), tail), media_type="text/html")


async def _once(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk


async def _between(head: bytes, chunks: AsyncIterator[bytes], tail: bytes) -> AsyncIterator[bytes]:
    yield head
    async for chunk in chunks:
        yield chunk
    yield tail
