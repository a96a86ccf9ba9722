"""The text that a browser makes of rendered HTML, and a renderer for tests."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from html.parser import HTMLParser
from typing import Any

from main_service.rendering.client import Renderer
from main_service.rendering.job import Job, Option
from tests.support.waiting import eventually_async


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.is_in_nul = False
        self.ids: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.is_in_nul = named.get("class") == "nul"
        if "id" in named:
            self.ids.append(str(named["id"]))
        # An item ends where the next begins, or its list ends.
        if tag not in ("li", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.is_in_nul = False

    def handle_data(self, data: str) -> None:
        assert "\n" not in data or self.open[-1] in ("ol", "div"), "a line feed within an element of a line"
        self.parts.append(data.replace("\N{SYMBOL FOR NULL}", "\0") if self.is_in_nul else data)


def read(html: str) -> tuple[str, list[str]]:
    """The text of lines as a script gets it, and the ids of their elements."""
    # The parser of a browser makes line feeds of them.
    assert "\r" not in html
    assert "\0" not in html
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return "".join(reader.parts), reader.ids


def text_on_page(html: str) -> str:
    """The text that the page of a paste shows as code."""
    start = html.index('<div class="code lines')
    inside = html[html.index(">", start) + 1 :]
    return read(inside[: inside.index("</ol></div></div>") + len("</ol></div>")])[0]


def job(text: str, syntax: str = "python", *, kind: str = "code", subject: object = None, **options: Option) -> Job:
    """A job whose subject is its text, if it has no other."""
    every: Mapping[str, Option] = {"syntax": syntax, **options}
    return Job(kind=kind, text=text.encode(), subject=subject or text, options=every)


@asynccontextmanager
async def running_renderer(**arguments: Any) -> AsyncIterator[Renderer]:
    """A renderer that has started. It has no second child, unless a test wants one."""
    renderer = Renderer(**{"hurry_seconds": 600, **arguments})
    running = asyncio.create_task(renderer.run())
    try:
        await eventually_async(lambda: renderer.pid, "a renderer")
        yield renderer
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
