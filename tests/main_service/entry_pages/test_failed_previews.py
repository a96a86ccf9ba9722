"""What a page says where the preview of a text can't be made, for good or for now."""

from functools import partial

import pytest

from main_service.engines.texts import in_one_chunk
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind
from main_service.entry_pages.previews import make_preview
from main_service.entry_pages.rendered_text import RenderedTexts
from main_service.entry_pages.views import Preview
from main_service.rendering.client import Renderer
from main_service.rendering.waiting_jobs import WaitingJobs
from tests.support import misbehaving_renderer
from tests.support.live_entries import new_live_entry
from tests.support.rendered import running_renderer

FOR_GOOD = "A preview of this text can’t be shown, so this is its code."
FOR_NOW = "A preview of this text can’t be shown at the moment, so this is its code."


def paste() -> LiveEntry:
    return new_live_entry(Kind.PASTE, syntax="json")


async def said(renderer: Renderer, entry: LiveEntry) -> object:
    preview = Preview(kind="odd", max_bytes=1024, options={"does": "raise"})
    return await make_preview(RenderedTexts(renderer), entry, in_one_chunk(b"text", held_bytes=0), preview)


async def test_what_always_fails_is_said_to_fail_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = paste()
    async with running_renderer(command=misbehaving_renderer.COMMAND) as renderer:
        # On a busy machine it may fail later than readers wait.
        monkeypatch.setattr(renderer, "render", partial(renderer.render, patience=None))
        assert [await said(renderer, entry) for _ in range(2)] == [FOR_GOOD, FOR_GOOD]


async def test_what_has_no_room_now_is_said_to_fail_for_now() -> None:
    waiting = WaitingJobs(most=2, most_bytes=1)
    async with running_renderer(command=misbehaving_renderer.COMMAND, waiting=waiting) as renderer:
        assert await said(renderer, paste()) == FOR_NOW
