"""Lines of HTML as a browser can show many of: numbered, in chunks that are laid out when they come into view.

A chunk is `<div><ol start=201><li id=L201>…`, which the style sheet gives `content-visibility: auto`. That must stand
on the div, and `start` within it: containment holds counters too. Numbers are counters, so they are neither in the page
nor in what is copied. Beyond `MAX_LINES_WITH_IDS` a whole chunk is one item of class `m`, from which lines.js makes
lines when it comes into view: elements for a million lines would take a browser gigabytes. There is a line feed for
each line end and no other, so the text of all items is the text.
"""

import sys
from collections.abc import Sequence
from unicodedata import combining

MAX_LINES_WITH_IDS = 20_000
MAX_SHOWN_LINES = 500_000
"""Those after them are there for a script, but hidden: where a page gets higher than some 30 million pixels of a
screen, Chromium puts all that follows in one place, and lays all of it out there."""
LINES_PER_CHUNK = 200
LINES_PER_ITEM = 1_000
"""How many lines are one item where lines have no elements of their own."""
CHUNK_CHARACTERS = 64 * 1024
"""A chunk of longer lines ends earlier, with the line that brings it over this."""
PIECE_CHARACTERS = 8_000
"""A line longer than this is cut into pieces that are wrapped and laid out apart: one of 10 MB would take minutes."""

_MAX_JOINED = 200
"""How many characters that join the one before may follow where a long line is cut; more are noise."""
_JOINER = "\N{ZERO WIDTH JOINER}"
_JOINS = (_JOINER, "\N{VARIATION SELECTOR-15}", "\N{VARIATION SELECTOR-16}")
CARRIAGE_RETURN = "&#13;"
"""A reference, as the parser would turn a plain one into a line feed, or drop it before one."""
_LONE_RETURN = f"{CARRIAGE_RETURN}<br>"
"""The reference alone would show no line end."""
_NUL = "<i class=nul>\N{SYMBOL FOR NULL}</i>"
"""What a script that copies the text takes for NUL, which can't be in a page."""
INEXACT = "<i data-inexact hidden></i>"
"""At the end of a text of which not all is marked: what a script would copy is not the text."""
MAX_MARKS = 50_000
"""How many characters that HTML can't represent are marked with elements of their own; more would slow the page."""


def escaped(text: str) -> str:
    """The text as HTML. Line ends stay as they are, so that it can be split into lines."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def marked(html: str, *, is_exact: bool = True) -> str:
    """Escaped text with what HTML can't represent: NUL, and carriage returns, most of which come before line feeds.

    `is_exact`: all of it, so that a script gets the text back to the character.
    """
    if "\r" in html:
        html = html.replace("\r\n", f"{CARRIAGE_RETURN}\n")
        if is_exact:
            html = html.replace("\r", _LONE_RETURN)
    return html.replace("\0", _NUL) if is_exact else html


def count_marks(text: str) -> int:
    """How many characters `marked` gives elements."""
    return text.count("\0") + text.count("\r") - text.count("\r\n")


def in_piece(html: str) -> str:
    """HTML as a piece of a long line."""
    return f"<span class=p>{html}</span>"


def end_of_piece(line: str) -> int:
    """Where the first piece of a line ends: not between a character and those that join it."""
    end = PIECE_CHARACTERS
    most = min(end + _MAX_JOINED, len(line))
    while end < most and (combining(line[end]) or line[end] in _JOINS or line[end - 1] == _JOINER):
        end += 1
    return end


def html_of_line(line: str, *, is_ended: bool, is_long: bool = False, is_exact: bool = True) -> str:
    """The HTML of a line, without its line feed, in pieces if it is long.

    `is_ended`: whether a line feed follows, which tells what a carriage return at the end means. `is_long`: the line is
    a part of a long one.
    """
    html: list[str] = []
    is_long = is_long or len(line) > PIECE_CHARACTERS
    while True:
        end = end_of_piece(line)
        part, line = line[:end], line[end:]
        if is_ended and not line:
            piece = marked(escaped(f"{part}\n"), is_exact=is_exact)[:-1]
        else:
            piece = marked(escaped(part), is_exact=is_exact)
        html.append(in_piece(piece) if is_long else piece)
        if not line:
            return "".join(html)


class NumberedLines:
    """Puts lines into chunks, as they come. What its methods return is HTML that follows what they returned before."""

    def __init__(self) -> None:
        self._number = 1
        """The number of the next line, or of the one that is open."""
        self._is_in_line = False
        self._is_in_chunk = False
        self._is_in_item = False
        """Whether the lines of the chunk share one item."""
        self._chunk_end = ""
        self._lines_left = 0
        self._characters_left = 0

    def add(self, lines: Sequence[str]) -> str:
        """Add lines that have ended, without their line feeds. The first ends the line that is open, if one is."""
        html: list[str] = []
        at = 0
        while at < len(lines):
            if not self._is_in_line:
                html.append(self._start())
            self._is_in_line = False
            count = self._count_at_once(lines, at)
            html.append(self._joined(lines[at : at + count]))
            at += count
            self._number += count
            self._lines_left -= count
            self._characters_left -= sum(map(len, lines[at - count : at]))
            if self._lines_left <= 0 or self._characters_left <= 0:
                html.append(self.end())
                self._is_in_chunk = False
        return "".join(html)

    def _count_at_once(self, lines: Sequence[str], at: int) -> int:
        """How many of the lines from this one on the chunk has room for: one at least."""
        count = min(self._lines_left, len(lines) - at)
        is_room = sum(map(len, lines[at : at + count])) <= self._characters_left
        return count if is_room else 1

    def _joined(self, lines: Sequence[str]) -> str:
        """Lines of one chunk, of which the first has begun."""
        if self._is_in_item:
            return "\n".join([*lines, ""])
        first, *others = lines
        items = [f"<li id=L{number}>{line}\n" for number, line in enumerate(others, self._number + 1)]
        return f"{first}\n{''.join(items)}"

    def add_part(self, part: str) -> str:
        """Add to the line that is open, or begin one."""
        start = "" if self._is_in_line else self._start()
        self._is_in_line = True
        self._characters_left -= len(part)
        return start + part

    def end(self) -> str:
        """End the last chunk."""
        return self._chunk_end if self._is_in_chunk else ""

    def _start(self) -> str:
        """The beginning of a line, and of a chunk if none is open."""
        number = self._number
        if self._is_in_chunk:
            return "" if self._is_in_item else f"<li id=L{number}>"
        self._is_in_chunk = True
        self._characters_left = CHUNK_CHARACTERS
        self._chunk_end = "</ol></div>"
        self._is_in_item = number > MAX_LINES_WITH_IDS
        if number > MAX_SHOWN_LINES:
            self._lines_left = self._characters_left = sys.maxsize
            self._chunk_end = "</div>"
            return "<div hidden>"
        if self._is_in_item:
            self._lines_left = min(LINES_PER_ITEM, MAX_SHOWN_LINES + 1 - number)
            return f"<div class=m><ol role=none start={number}><li class=m id=L{number}>"
        self._lines_left = min(LINES_PER_CHUNK, MAX_LINES_WITH_IDS + 1 - number)
        return f"<div><ol role=none start={number}><li id=L{number}>"
