"""A text on its page: numbered lines, or plain where it is too long for them."""

import codecs
from collections.abc import AsyncIterator

from markupsafe import Markup, escape

MAX_NUMBERED_BYTES = 1024 * 1024
MAX_NUMBERED_LINES = 50_000
"""Each line costs a browser three elements; beyond this a page gets slow."""


def numbered_lines(text: str) -> tuple[Markup, int] | None:
    """The lines, each with an anchor `L<number>`, and their count. None when there are too many to number."""
    if text.count("\n") > MAX_NUMBERED_LINES:
        return None
    # Escaping leaves line ends alone, so the whole text is escaped at once: line by line takes ten times longer.
    lines = _escaped(text).removesuffix("\n").split("\n")
    return Markup("".join([_line(number, line) for number, line in enumerate(lines, 1)])), len(lines)  # noqa: S704 (escaped above)


async def escaped_chunks(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A text in UTF-8 as HTML, chunk by chunk, so that nobody holds all of it."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    cut_off = ""
    async for chunk in chunks:
        text = cut_off + decode(chunk)
        # Whether a line feed follows, the next chunk tells.
        cut_off = "\r" if text.endswith("\r") else ""
        yield _escaped(text.removesuffix("\r")).encode()
    yield cut_off.encode()


def _escaped(text: str) -> str:
    """As HTML. A carriage return before a line feed is written as a reference, or the parser would drop it.

    One alone is left to the parser, which makes a line feed of it: a reference would show no line end at all.
    """
    return str(escape(text)).replace("\r\n", "&#13;\n")


def _line(number: int, escaped: str) -> str:
    return (
        f'<span class="line" id="L{number}"><a href="#L{number}">{number}</a>'
        f'<span class="text">{escaped}\n</span></span>'
    )
