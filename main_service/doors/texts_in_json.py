"""Sends the text of a paste within a JSON object, chunk by chunk, so that a large one is never in memory as a whole."""

import codecs
import json
from collections.abc import AsyncIterator, Callable

from fastapi import Request, Response

from main_service.engines.texts import TextChunks
from main_service.entries.entry import LiveEntry
from main_service.entries.errors import NotAPasteError
from main_service.entries.factory import EntryFactory
from main_service.entries.models import Kind
from main_service.entries.permissions import Actor
from main_service.entries.serializers import robots
from main_service.entries.visit_recorder import VisitRecorder
from main_service.entry_pages.view_question import question_before
from main_service.web.held_stream import HeldStream

TEXT = "\u0000"
"""Stands for the text in the object of an answer. No other value is the same: what is stored holds no NUL."""
_QUOTED = slice(1, -1)


async def answer_with_text(
    key: str,
    request: Request,
    actor: Actor,
    entries: EntryFactory,
    visits: VisitRecorder,
    object_of: Callable[[LiveEntry], object],
) -> Response:
    """The object that another service would send, with `TEXT` where the text is to be. Where views are limited, it is
    asked for as `/{key}/raw` is.

    Raises:
        AppError: as for `GET /{key}/raw`.
    """
    entry = await entries.reader.get(key, actor)
    if entry.kind is Kind.LINK:
        raise NotAPasteError
    if asked := question_before(request, entries, entry, actor, is_shown_as_page=False):
        return asked
    entry, chunks = await entries.reader.open_text(entry, actor)
    await visits.record(entry, actor)
    before, _, after = json.dumps(object_of(entry), ensure_ascii=False).partition(json.dumps(TEXT))
    return HeldStream(
        _with_text(before, chunks, after),
        held_bytes=chunks.held_bytes,
        media_type="application/json",
        headers=robots(entry),
    )


def without_extension(key: str) -> str:
    """Other services add that of the language to the key, which never has a dot."""
    return key.partition(".")[0]


async def _with_text(before: str, chunks: TextChunks, after: str) -> AsyncIterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    yield f'{before}"'.encode()
    async for chunk in chunks:
        yield json.dumps(decoder.decode(chunk), ensure_ascii=False)[_QUOTED].encode()
    yield f'"{after}'.encode()
