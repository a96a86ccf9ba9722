"""The text of a paste as the renderer makes it; where it can't, the page shows it plain."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Hashable, Mapping
from dataclasses import dataclass

import zstandard
from markupsafe import Markup

from main_service.entries.cache import is_cacheable
from main_service.entries.entry import LiveEntry
from main_service.rendering.client import Renderer
from main_service.rendering.fragments import FragmentCache
from main_service.rendering.job import Facts, Job, Option, Rendered

MAX_COLOURED_BYTES = 512 * 1024
"""Longer texts are shown plain."""


@dataclass(frozen=True)
class RenderedText:
    html: Markup
    facts: Facts
    """What the renderer found out besides, such as `is_cut`."""


class RenderedTexts:
    """Asks the renderer, and keeps what it made of texts that anyone with the link may read; one per process.

    Nothing is kept of private texts and of those with limited views, so they are rendered for each view.
    """

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._fragments = FragmentCache()
        self._turn = asyncio.Lock()

    async def in_turns(self, pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
        """The pieces, such as those of a text that is decompressed, each made in the turn of its reader.

        As for `PlainTexts`: however many open large texts, one piece is made between two looks at other requests.
        """
        remaining = aiter(pieces)
        while True:
            async with self._turn:
                try:
                    piece = await anext(remaining)
                except StopAsyncIteration:
                    return
                await asyncio.sleep(0)
            yield piece

    def find(self, entry: LiveEntry, kind: str, options: Mapping[str, Option]) -> RenderedText | None:
        """What was kept of the entry's text; None: nothing."""
        kept = self._fragments.get(_identity(entry, kind, options))
        return None if kept is None else _unpacked(kept)

    async def render(self, entry: LiveEntry, text: bytes, kind: str, options: Mapping[str, Option]) -> RenderedText:
        """The text as HTML.

        Raises:
            NotRenderedError: it can't be, or not soon.
        """
        identity = _identity(entry, kind, options)
        job = Job(kind=kind, text=text, subject=entry.body_id, options=options, encoding="zstd")

        def keep(rendered: Rendered) -> None:
            self._fragments.put(identity, rendered)

        return _unpacked(await self._renderer.render(job, keep=keep if is_cacheable(entry) else None))


def _identity(entry: LiveEntry, kind: str, options: Mapping[str, Option]) -> Hashable:
    return (entry.body_id, kind, *sorted(options.items()))


def _unpacked(rendered: Rendered) -> RenderedText:
    html = Markup(zstandard.decompress(rendered.content).decode())  # noqa: S704 (the renderer's)
    return RenderedText(html, rendered.facts)
