"""A text as HTML without colours: all at once, or piece by piece while it is read."""

import codecs
from asyncio import Lock, sleep
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping

from main_service.rendering.job import Fragment, Option
from main_service.rendering.markup import (
    INEXACT,
    MAX_MARKS,
    PIECE_CHARACTERS,
    NumberedLines,
    count_marks,
    end_of_piece,
    escaped,
    html_of_line,
    marked,
)

STEP_CHARACTERS = 8 * 1024
"""How much is turned into HTML at a time: a fifth of a millisecond's work, and 5 ms at worst, if all are line feeds."""


def render(text: str, _: Mapping[str, Option]) -> Fragment:
    """The kind `plain` of the renderer."""
    lines = text.count("\n") + (not text.endswith("\n") and text != "")
    return Fragment("".join(pieces(text)), {"lines": lines})


def pieces(text: str) -> Iterator[str]:
    """The HTML of a text, in pieces of about `STEP_CHARACTERS` of it."""
    plain = PlainText()
    for start in range(0, len(text), STEP_CHARACTERS):
        yield plain.add(text[start : start + STEP_CHARACTERS])
    yield plain.end()


class PlainTexts:
    """Turns texts into HTML while they are read, a piece of one of them at a time; one per event loop.

    If each page being sent took a step in each iteration of the event loop, twenty pages would make redirects wait for
    twenty steps.
    """

    def __init__(self) -> None:
        self._turn = Lock()

    async def streamed(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The HTML of a text in UTF-8, while it is read: never in memory as a whole, and never long at a time."""
        decode = codecs.getincrementaldecoder("utf-8")().decode
        plain = PlainText()
        async for chunk in chunks:
            text = decode(chunk)
            for start in range(0, len(text), STEP_CHARACTERS):
                async with self._turn:
                    # Let everything else that waits for the event loop go first.
                    await sleep(0)
                    piece = plain.add(text[start : start + STEP_CHARACTERS]).encode()
                yield piece
        yield plain.end().encode()

    async def joined(self, chunks: AsyncIterable[bytes]) -> str:
        """The HTML of a text in UTF-8 as a whole."""
        return b"".join([piece async for piece in self.streamed(chunks)]).decode()


class PlainText:
    """Turns a text into HTML as it comes."""

    def __init__(self) -> None:
        self._lines = NumberedLines()
        self._rest = ""
        """The beginning of a line whose end has not come, or what of it is not in the page yet."""
        self._is_long = False
        """Whether pieces of that line are in the page."""
        self._marks_left = MAX_MARKS

    def add(self, text: str) -> str:
        """The HTML of what has ended with this part of the text."""
        *ended, rest = f"{self._rest}{text}".split("\n")
        html: list[str] = []
        if ended and self._is_long:
            first, *ended = ended
            html.append(self._lines.add([self._line(first, is_ended=True)]))
            self._is_long = False
        html.append(self._lines.add(self._html_of(ended)))
        # Keep the end: what follows decides what a carriage return means, and may combine with the last character.
        while len(rest) > 2 * PIECE_CHARACTERS:
            end = end_of_piece(rest)
            self._is_long = True
            html.append(self._lines.add_part(self._line(rest[:end], is_ended=False)))
            rest = rest[end:]
        self._rest = rest
        return "".join(html)

    def end(self) -> str:
        """The HTML of what is left."""
        last = self._rest
        html = self._lines.add_part(self._line(last, is_ended=False)) if last else ""
        return html + self._lines.end() + ("" if self._marks_left >= 0 else INEXACT)

    def _html_of(self, lines: list[str]) -> list[str]:
        """The HTML of whole lines, which come without their line feeds."""
        if max(map(len, lines), default=0) <= PIECE_CHARACTERS:
            # All at once, because line by line takes ten times longer.
            return self._marked("".join([f"{line}\n" for line in lines])).split("\n")[:-1]
        return [self._line(line, is_ended=True) for line in lines]

    def _line(self, line: str, *, is_ended: bool) -> str:
        return html_of_line(line, is_ended=is_ended, is_long=self._is_long, is_exact=self._can_mark(line))

    def _marked(self, text: str) -> str:
        return marked(escaped(text), is_exact=self._can_mark(text))

    def _can_mark(self, text: str) -> bool:
        self._marks_left -= count_marks(text)
        return self._marks_left >= 0
