"""What a form for a new entry starts with when it is made from another one: `/?from=KEY`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from main_service.entries.aliases import is_key
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Visibility
from main_service.entries.permissions import Actor
from main_service.entries.read import EntryReader
from main_service.entry_pages.create_form import PASSES_QUERY, TICKED
from main_service.entry_pages.form_text import text_in_form
from main_service.errors import NotFoundError
from main_service.web.forms import Form

LARGE_BYTES = 256 * 1024
MAX_LARGE = 2
"""How many pages with larger texts are made at the same time. Each has its text in memory several times, with up to
four bytes for each character."""


class LargeCopies:
    """Turns at making pages with large texts, in the order in which they are asked for. One for each process."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(MAX_LARGE)

    @asynccontextmanager
    async def turn(self, size_bytes: int) -> AsyncIterator[None]:
        """Wait until a page with so large a text may be made, in the context."""
        if size_bytes <= LARGE_BYTES:
            yield
            return
        async with self._turns:
            yield


async def find_to_copy(reader: EntryReader, key: str, actor: Actor) -> LiveEntry:
    """The entry of `key`, if the actor may read it. It may have limited views, which a copy must not go around.

    Raises:
        NotFoundError, EntryEndedError, TooManyUnknownKeysError: as for its own page.
    """
    if not is_key(key):
        raise NotFoundError
    return await reader.get(key, actor)


async def form_of(reader: EntryReader, entry: LiveEntry, actor: Actor) -> Form:
    """The fields that a copy of the entry starts with: what it holds and its title.

    This is no visit: readers who want to use the text have seen it on its own page, which counted. A copy of a private
    entry is private too; for others the user chooses again.

    Raises:
        NotFoundError, EntryEndedError: it has just ended.
    """
    form = {"title": entry.title or "", "syntax": entry.syntax or "", "original_url": entry.original_url or ""}
    if entry.passes_query:
        form[PASSES_QUERY] = TICKED
    if entry.visibility is Visibility.PRIVATE:
        form["visibility"] = entry.visibility.value
    if entry.body_id is not None:
        _, chunks = await reader.load_text(entry, actor)
        form["text"] = await asyncio.to_thread(text_in_form, [chunk async for chunk in chunks])
    return form
