"""Restores line ends of a text that was edited in a form, where each is a line feed."""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from io import IncrementalNewlineDecoder
from itertools import pairwise

_LINE_END = re.compile(r"(\r\n|\r|\n)")

_PIECE = 64 * 1024
_MAX_CELLS = 40_000
"""The most pairs of lines that are compared one by one, which takes about half a second at worst."""
_MAX_CELLS_IN_ALL = 5 * _MAX_CELLS
"""The limit for all regions of a text together, of which there may be thousands."""
_MAX_LEVELS = 3
_FEW_LINES = 100_000
"""How often all lines of a long text, or how many lines of a short one, are searched for anchors: a level of regions
may be hardly shorter than the one above, and a hostile text has a level for every fourth line."""


def as_in_form(text: str) -> str:
    """The text as a browser shows it in a form and sends it back, with line ends as `read_form` gives them.

    Made in pieces: in one go, Python's lock would be held for tens of milliseconds, even in a thread.
    """
    decoder = IncrementalNewlineDecoder(None, translate=True)
    pieces = [decoder.decode(text[start : start + _PIECE]) for start in range(0, len(text), _PIECE)]
    return "".join([*pieces, decoder.decode("", final=True)])


def can_be_in_form(text: str) -> bool:
    """Whether a form returns the text unchanged except for line ends. HTML can't represent NUL."""
    return "\0" not in text


def with_line_ends_of(stored: str, edited: str) -> str:
    """The edited text of a form with the line ends of the stored one.

    Lines that were not touched keep their own, and so do most that were changed where they stood. New ones get the most
    frequent one.
    """
    parts = _LINE_END.split(stored)
    stored_lines, stored_ends = parts[::2], parts[1::2]
    counts = Counter(stored_ends)
    if len(counts) <= 1:
        return edited.replace("\n", next(iter(counts), "\n"))
    usual = counts.most_common(1)[0][0]
    # The last line has no end.
    stored_ends.append(usual)
    lines = edited.split("\n")
    origins = _origins(stored_lines, lines)
    ends = [usual if origin is None else stored_ends[origin] for origin in origins[:-1]]
    for number in range(1, len(ends)):
        if ends[number - 1] == "\r" and ends[number] == "\n" and not lines[number]:
            # The lines between them are gone, and CR and LF together would be one line end.
            ends[number] = "\r"
    return "".join(line + end for line, end in zip(lines, [*ends, ""], strict=True))


def _origins(old: Sequence[str], new: Sequence[str]) -> list[int | None]:
    """For each new line, the old one that it is or that it replaces; None: it is new.

    Bram Cohen's patience diff: lines that occur once on either side are anchors. It gives up where that
    takes too long; what is left of the lines counts as new then, or as replaced one by one.
    """
    origins: list[int | None] = [None] * len(new)
    lines_left = max(_MAX_LEVELS * (len(old) + len(new)), _FEW_LINES)
    cells_left = _MAX_CELLS_IN_ALL
    regions = [(0, len(old), 0, len(new))]
    while regions:
        start, end, new_start, new_end = regions.pop()
        while start < end and new_start < new_end and old[start] == new[new_start]:
            origins[new_start] = start
            start, new_start = start + 1, new_start + 1
        while start < end and new_start < new_end and old[end - 1] == new[new_end - 1]:
            end, new_end = end - 1, new_end - 1
            origins[new_end] = end
        if start == end or new_start == new_end:
            continue
        lines_left -= end - start + new_end - new_start
        anchors = _anchors(old[start:end], new[new_start:new_end]) if lines_left >= 0 else []
        if not anchors:
            cells = (end - start) * (new_end - new_start)
            is_compared = cells <= min(_MAX_CELLS, cells_left)
            cells_left -= cells if is_compared else 0
            pairs = _pairs(old[start:end], new[new_start:new_end], is_compared=is_compared)
            origins[new_start:new_end] = [None if pair is None else start + pair for pair in pairs]
            continue
        bounds = [
            (start, new_start),
            *((start + position, new_start + new_position) for position, new_position in anchors),
            (end, new_end),
        ]
        # Each but the first begins with a line that both sides have, so it gets smaller.
        regions.extend((first, last, new_first, new_last) for (first, new_first), (last, new_last) in pairwise(bounds))
    return origins


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Positions of lines that occur once on either side: the most of them that are in the same order on both."""
    counts, new_counts = Counter(old), Counter(new)
    places = {line: place for place, line in enumerate(old) if counts[line] == 1}
    shared = [(places[line], place) for place, line in enumerate(new) if new_counts[line] == 1 and line in places]
    # The longest increasing subsequence of the old positions; for each length, the one that ends lowest.
    lowest: list[int] = []
    holders: list[int] = []
    before: list[int | None] = []
    for index, (place, _) in enumerate(shared):
        length = bisect_left(lowest, place)
        before.append(holders[length - 1] if length else None)
        lowest[length : length + 1] = [place]
        holders[length : length + 1] = [index]
    chosen: list[tuple[int, int]] = []
    at: int | None = holders[-1] if holders else None
    while at is not None:
        chosen.append(shared[at])
        at = before[at]
    return chosen[::-1]


def _pairs(old: Sequence[str], new: Sequence[str], *, is_compared: bool) -> Sequence[int | None]:
    """For each new line, the old one that it is or that it replaces; None: it is new.

    `is_compared`: whether to compare lines, or only count them.
    """
    if not is_compared:
        return range(len(old)) if len(old) == len(new) else [None] * len(new)
    pairs: list[int | None] = [None] * len(new)
    for _, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if end - start == new_end - new_start:
            pairs[new_start:new_end] = range(start, end)
    return pairs
