"""What is known of the terminal that the launcher was started on, and a box drawn for it."""

import os
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEFAULT_COLUMNS = 80
_FRAMES = {True: "╭─╮│╰╯", False: "+-+|++"}


@dataclass(frozen=True)
class Terminal:
    """A terminal, as wide as it was at the start."""

    columns: int
    has_color: bool
    has_unicode: bool

    def emphasize(self, text: str) -> str:
        """The text in bold, if the terminal has more than plain text."""
        return f"\033[1m{text}\033[0m" if self.has_color else text


def find_terminal(descriptor: int, environ: Mapping[str, str]) -> Terminal | None:
    """The terminal that the descriptor leads to; None if it leads to a file, a pipe or a service manager."""
    if not os.isatty(descriptor):
        return None
    try:
        columns = os.get_terminal_size(descriptor).columns
    except OSError:
        columns = 0
    locale = next((environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environ.get(name)), "")
    is_dumb = environ.get("TERM", "dumb") in ("", "dumb")
    return Terminal(
        columns=columns or DEFAULT_COLUMNS,
        # https://no-color.org
        has_color=not is_dumb and not environ.get("NO_COLOR"),
        has_unicode=not is_dumb and locale.replace("-", "").lower().endswith("utf8"),
    )


def draw_box(title: str, rows: Sequence[tuple[str, str]], terminal: Terminal) -> list[str]:
    """A title above rows of a name and what there is to say, in a frame.

    Where that is wider than the terminal there is no frame, so that paths and URLs can still be copied whole.
    """
    longest = max((len(name) for name, _ in rows), default=0)
    lines = [title, "", *(f"{name:<{longest}}  {value}".rstrip() for name, value in rows)]
    width = max(_width(line) for line in lines)
    shown = [terminal.emphasize(title), *lines[1:]]
    if width + 4 > terminal.columns:
        return ["", *shown, ""]
    left_top, flat, right_top, side, left_bottom, right_bottom = list(_FRAMES[terminal.has_unicode])
    edge = flat * (width + 2)
    inside = [f"{side} {text}{' ' * (width - _width(line))} {side}" for text, line in zip(shown, lines, strict=True)]
    return [f"{left_top}{edge}{right_top}", *inside, f"{left_bottom}{edge}{right_bottom}"]


def _width(text: str) -> int:
    """How many columns the text takes."""
    shown = [sign for sign in text if not unicodedata.combining(sign)]
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in shown)
