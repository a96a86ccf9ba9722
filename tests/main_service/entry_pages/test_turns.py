"""However many readers open large texts at once, other requests wait for one piece of them; no reader stops others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

from main_service.entry_pages.rendered_text import RenderedTexts
from main_service.rendering.client import Renderer

READERS, PIECES = 20, 10


async def test_one_piece_is_made_between_two_looks_at_other_requests() -> None:
    texts = RenderedTexts(Renderer())
    made = 0
    between: list[int] = []

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal made
        for number in range(PIECES):
            made += 1
            yield b"%d" % number

    async def read() -> bytes:
        return b"".join([piece async for piece in texts.in_turns(pieces())])

    async def look() -> None:
        seen = 0
        while made < READERS * PIECES:
            await asyncio.sleep(0)
            between.append(made - seen)
            seen = made

    looking = asyncio.create_task(look())
    read_texts = await asyncio.gather(*(read() for _ in range(READERS)))
    await looking

    assert max(between) == 1
    assert read_texts == [b"0123456789"] * READERS


async def test_reader_who_leaves_or_takes_nothing_holds_up_no_other() -> None:
    texts = RenderedTexts(Renderer())

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(PIECES):
            await asyncio.sleep(0)
            yield b"."

    async with aclosing(texts.in_turns(pieces())) as slow:
        assert await anext(slow) == b"."
        left = asyncio.ensure_future(anext(texts.in_turns(pieces())))
        await asyncio.sleep(0)
        left.cancel()
        assert b"".join([piece async for piece in texts.in_turns(pieces())]) == b"." * PIECES
