"""The text of a paste as HTML: with numbered lines, or plain if it is too long for them."""

import codecs
from collections.abc import AsyncIterable, AsyncIterator, Iterator

from markupsafe import escape

MAX_NUMBERED_BYTES = 1024 * 1024
MAX_NUMBERED_LINES = 50_000
"""Each line costs a browser three elements; beyond this a page gets slow."""
PIECE_BYTES = 32 * 1024
"""How many bytes of the text are turned into HTML at a time."""
MAX_MARKS = 50_000
"""How many characters that HTML can't represent are marked with elements of their own; more would slow the page."""

_CARRIAGE_RETURN = "&#13;"
_LONE_RETURN = f"{_CARRIAGE_RETURN}<br>"
"""The reference alone would show no line end, and a plain one would become a line feed."""
_NUL = '<i class="nul">\N{SYMBOL FOR NULL}</i>'
"""What a script that copies the text takes for NUL, which can't be in a page."""
_INEXACT = "<i data-inexact hidden></i>"
"""At the end of a text of which not all is marked: what a script would copy is not the text."""


def count_lines(text: bytes) -> int | None:
    """How many lines a text in UTF-8 has; None when there are too many to number."""
    ends = text.count(b"\n")
    if ends > MAX_NUMBERED_LINES or text.count(b"\0") + text.count(b"\r") - text.count(b"\r\n") > MAX_MARKS:
        return None
    # A text that ends without a line end is shown, and copied, without one.
    return ends + (not text.endswith(b"\n") and text != b"")


def numbered_pieces(text: bytes) -> Iterator[str]:
    """Yield the lines as HTML, each with an anchor `L<number>`, in pieces, as they take many times the text's size."""
    start, number = 0, 1
    while start < len(text):
        end = text.find(b"\n", start + PIECE_BYTES) + 1 or len(text)
        # Escaping leaves line feeds alone, so they are escaped at once: line by line takes ten times longer.
        *ended, last = _escaped(text[start:end].decode()).split("\n")
        lines = [_line(number + at, f"{line}\n") for at, line in enumerate(ended)]
        if last:
            lines.append(_line(number + len(ended), last))
        yield "".join(lines)
        start, number = end, number + len(ended)


async def escaped_chunks(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield a text in UTF-8 as HTML, chunk by chunk, so that it is never in memory as a whole."""
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
    """The text as HTML from which a script gets it back to the character."""
    return _escaped_without_marks(text).replace("\r", _LONE_RETURN).replace("\0", _NUL)


def _escaped_without_marks(text: str) -> str:
    """The text as HTML. A carriage return before a line feed is a reference, or the parser would drop it."""
    return str(escape(text)).replace("\r\n", f"{_CARRIAGE_RETURN}\n")


def _line(number: int, escaped: str) -> str:
    return (
        f'<span class="line" id="L{number}"><a href="#L{number}">{number}</a><span class="text">{escaped}</span></span>'
    )
