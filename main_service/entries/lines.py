"""The numbered lines of a text as HTML."""

from markupsafe import Markup, escape

MAX_NUMBERED_BYTES = 1024 * 1024
MAX_NUMBERED_LINES = 50_000
"""Each line costs a browser three elements; beyond this a page gets slow."""


def numbered_lines(text: str) -> tuple[Markup | None, int]:
    """The lines, each with an anchor `L<number>`, and their count. None when there is too much text to number."""
    # Escaping leaves line ends alone, so the whole text is escaped at once: line by line takes ten times longer.
    lines = str(escape(text.removesuffix("\n"))).split("\n")
    if len(lines) > MAX_NUMBERED_LINES or len(text.encode()) > MAX_NUMBERED_BYTES:
        return None, len(lines)
    return Markup("".join([_line(number, line) for number, line in enumerate(lines, 1)])), len(lines)  # noqa: S704 (escaped above)


def _line(number: int, escaped: str) -> str:
    return (
        f'<span class="line" id="L{number}"><a href="#L{number}">{number}</a>'
        f'<span class="text">{escaped}\n</span></span>'
    )
