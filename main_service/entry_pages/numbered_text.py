"""A text on its page: numbered lines, or plain where it is too long for them."""

import codecs
from collections.abc import AsyncIterator

from markupsafe import Markup, escape

MAX_NUMBERED_BYTES = 1024 * 1024
MAX_NUMBERED_LINES = 50_000
"""Each line costs a browser three elements; beyond this a page gets slow."""
MAX_MARKS = 50_000
"""So many characters that HTML can't write are marked with elements of their own; for the same reason."""

_CARRIAGE_RETURN = "&#13;"
_LONE_RETURN = f"{_CARRIAGE_RETURN}<br>"
"""The reference alone would show no line end, and a plain one would become a line feed."""
_NUL = '<i class="nul">\N{SYMBOL FOR NULL}</i>'
"""What a script that copies the text takes for NUL, which can't be in a page."""
_INEXACT = "<i data-inexact hidden></i>"
"""At the end of a text of which not all is marked: what a script would copy is not the text."""


def numbered_lines(text: str) -> tuple[Markup, int] | None:
    """The lines, each with an anchor `L<number>`, and their count. None when there are too many to number."""
    if text.count("\n") > MAX_NUMBERED_LINES or _count_marks(text) > MAX_MARKS:
        return None
    # Escaping leaves line feeds alone, so the whole text is escaped at once: line by line takes ten times longer.
    lines = _escaped(text).split("\n")
    # A text that ends without a line end is shown, and copied, without one.
    last = [] if not lines[-1] else [_line(len(lines), lines[-1])]
    ended = [_line(number, f"{line}\n") for number, line in enumerate(lines[:-1], 1)]
    return Markup("".join([*ended, *last])), len(ended) + len(last)  # noqa: S704 (escaped above)


async def escaped_chunks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A text in UTF-8 as HTML, chunk by chunk, so that nobody holds all of it."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    cut_off = ""
    marks_left = MAX_MARKS
    async for chunk in chunks:
        text = cut_off + decode(chunk)
        # Whether a line feed follows, the next chunk tells.
        cut_off = "\r" if text.endswith("\r") else ""
        text = text.removesuffix("\r")
        marks_left -= _count_marks(text)
        yield (_escaped(text) if marks_left >= 0 else _escaped_without_marks(text)).encode()
    yield _escaped(cut_off).encode()
    if marks_left < 0:
        yield _INEXACT.encode()


def _count_marks(text: str) -> int:
    return text.count("\0") + text.count("\r") - text.count("\r\n")


def _escaped(text: str) -> str:
    """As HTML from which a script gets the text back to the character."""
    return _escaped_without_marks(text).replace("\r", _LONE_RETURN).replace("\0", _NUL)


def _escaped_without_marks(text: str) -> str:
    """A carriage return before a line feed is written as a reference, or the parser would drop it."""
    return str(escape(text)).replace("\r\n", f"{_CARRIAGE_RETURN}\n")


def _line(number: int, escaped: str) -> str:
    return (
        f'<span class="line" id="L{number}"><a href="#L{number}">{number}</a><span class="text">{escaped}</span></span>'
    )
