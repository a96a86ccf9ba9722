"""Terminal output in the colours of its escape sequences (ECMA-48), each line as a terminal finally shows it.

Colours become classes, as the Content-Security-Policy lets no inline style pass: a hue for each, since what is bright
or dark on a terminal must be legible on our pages, light and dark. Overwriting within a line is done as a terminal does
it; everything else that a sequence may ask for (moving between lines, links, titles, questions) is left out.
"""

import colorsys
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from main_service.rendering.job import Fragment, Option
from main_service.rendering.markup import escaped

MAX_LINES = 20_000
LINES_PER_CHUNK = 200
MAX_COLUMNS = 250
"""How far a sequence can move to the right of the text, or a few bytes could make a line of any length."""

HUES = ("red", "orange", "yellow", "lime", "green", "teal", "cyan", "sky", "blue", "violet", "magenta", "pink")
"""Each 30 degrees of the colour wheel, from red on."""
_BASIC = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
COLOURS = (*HUES, "black", "grey", "white")
"""What follows `f-` and `b-` in the classes of text and ground. Ink is the colour of text that has none."""

LONGEST_PLAYED = 10_000
"""Characters side by side; a longer line is shown as it was written, or erasing in it could take minutes."""

_SEQUENCE = re.compile(
    # Links, titles and other strings end with BEL or ST; one that doesn't ends with its line, where it does no harm.
    r"(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)(?P<values>[0-?]*)[ -/]*(?P<final>[@-~])?"
    r"|\x1b[ -/]*[0-~]?"
    r"|(?P<control>[\x00-\x08\x0b-\x1f\x7f-\x9f])"
)
_MOVES = re.compile(r"\r(?!$)|[\b]|(?:\x1b\[|\x9b)[0-?]*[CDGKPX`]")
"""What makes a line more than its characters one after the other."""
_VALUES = re.compile(r"[0-9:;]*")
_MAX_VALUE = 9999


class Style(NamedTuple):
    """How characters look. Colours are names of `COLOURS`, or empty for those of the page."""

    text: str = ""
    ground: str = ""
    marks: frozenset[str] = frozenset()
    """Classes, and `dim` and `swap`, which decide about the colours."""


PLAIN = Style()
_MARKS = {1: "m-bold", 2: "dim", 3: "m-italic", 4: "m-under", 7: "swap", 9: "m-struck", 21: "m-under"}
_ENDS = {22: {"m-bold", "dim"}, 23: {"m-italic"}, 24: {"m-under"}, 27: {"swap"}, 29: {"m-struck"}}


def render(text: str, options: Mapping[str, Option]) -> Fragment:
    """The kind `ansi` of the renderer. `is_cut`: whether the text is only the beginning."""
    lines = text.removesuffix("\n").split("\n", MAX_LINES)
    is_cut = bool(options.get("is_cut")) or len(lines) > MAX_LINES
    html: list[str] = []
    style = PLAIN
    for start in range(0, min(len(lines), MAX_LINES), LINES_PER_CHUNK):
        # HTML parsers drop the first line feed, which would be the text's own.
        html.append("<pre>\n")
        for line in lines[start : min(start + LINES_PER_CHUNK, MAX_LINES)]:
            runs, style = _runs(line, style)
            html.extend(_html(run, its_style) for run, its_style in runs)
            html.append("\n")
        html.append("</pre>")
    return Fragment(f'<div class="terminal">{"".join(html)}</div>', {"is_cut": is_cut})


def _html(run: str, style: Style) -> str:
    names = " ".join(_classes(style))
    return f'<span class="{names}">{escaped(run)}</span>' if names else escaped(run)


@lru_cache(maxsize=1024)
def _classes(style: Style) -> tuple[str, ...]:
    text, ground, marks = style
    if "swap" in marks:
        text, ground = ground, text or "grey"
    if "dim" in marks and not text:
        text = "grey"
    colours = (text and f"f-{text}", ground and f"b-{ground}")
    return (*filter(None, colours), *sorted(marks - {"swap", "dim"}))


def _runs(line: str, style: Style) -> tuple[list[tuple[str, Style]], Style]:
    """The line in parts that look alike, and the style that the next line begins with."""
    line = line.removesuffix("\r")
    played = _overwritten(line, style) if _MOVES.search(line) else None
    return played or _as_written(line, style)


def _as_written(line: str, style: Style) -> tuple[list[tuple[str, Style]], Style]:
    runs: list[tuple[str, Style]] = []
    for part in _parts(line):
        if isinstance(part, str):
            runs.append((part, style))
        elif part[0] == "m":
            style = _changed(style, part[1])
    return runs, style


def _parts(line: str) -> Iterator[str | tuple[str, tuple[int, ...]]]:
    """The parts of a line: text, and what a sequence or control character asks for with its values."""
    at = 0
    for match in _SEQUENCE.finditer(line):
        if match.start() > at:
            yield line[at : match.start()]
        at = match.end()
        if control := match["control"]:
            yield control, ()
        elif final := match["final"]:
            yield final, _values(match["values"])
    if at < len(line):
        yield line[at:]


@lru_cache(maxsize=1024)
def _values(written: str) -> tuple[int, ...]:
    """The values of a sequence: those with colons in between are one colour, whatever separates its parts."""
    if not _VALUES.fullmatch(written):
        # Of one terminal alone.
        return (-1,)
    # `38:2::R:G:B` has a place for a colour space, which `38;2;R;G;B` has not.
    written = re.sub(r"([34]8:2:)[0-9]*:(?=[0-9]+:[0-9]+:[0-9])", r"\1", written[:200]).replace(":", ";")
    return tuple(min(int(value), _MAX_VALUE) if value else 0 for value in written.split(";"))


def _overwritten(line: str, style: Style) -> tuple[list[tuple[str, Style]], Style] | None:
    """What remains visible of a line after carriage returns, backspaces and erasing; None: it is too long."""
    cells: list[tuple[str, Style]] = []
    column = 0
    for part in _parts(line):
        if isinstance(part, str):
            if column > len(cells):
                cells.extend((" ", PLAIN) for _ in range(column - len(cells)))
            cells[column : column + len(part)] = [(character, style) for character in part]
            column += len(part)
            if column > LONGEST_PLAYED:
                return None
            continue
        final, values = part
        count = max(values[0], 1) if values else 1
        if final == "m":
            style = _changed(style, values)
        elif final == "\r":
            column = 0
        elif final == "\b":
            column = max(column - 1, 0)
        elif final == "C":
            column = _bounded(column, column + count, len(cells))
        elif final == "D":
            column = max(column - count, 0)
        elif final in "G`":
            column = _bounded(column, count - 1, len(cells))
        elif final == "K":
            _erase(cells, column, values[0] if values else 0)
        elif final == "P":
            del cells[column : column + count]
        elif final == "X":
            count = min(count, len(cells) - column)
            cells[column : column + count] = [(" ", PLAIN)] * count
    while cells and cells[-1] == (" ", PLAIN):
        cells.pop()
    return _joined(cells), style


def _bounded(column: int, wanted: int, written: int) -> int:
    return max(column, min(wanted, MAX_COLUMNS)) if wanted > written else wanted


def _erase(cells: list[tuple[str, Style]], column: int, which: int) -> None:
    if which == 0:
        del cells[column:]
    elif which == 1:
        until = min(column + 1, len(cells))
        cells[:until] = [(" ", PLAIN)] * until
    elif which == 2:
        cells.clear()


def _joined(cells: list[tuple[str, Style]]) -> list[tuple[str, Style]]:
    runs: list[tuple[list[str], Style]] = []
    for character, style in cells:
        if runs and runs[-1][1] == style:
            runs[-1][0].append(character)
        else:
            runs.append(([character], style))
    return [("".join(characters), style) for characters, style in runs]


@lru_cache(maxsize=4096)
def _changed(style: Style, values: tuple[int, ...]) -> Style:
    """The style after a sequence that selects how characters look (SGR)."""
    text, ground, marks = style
    at = 0
    while at < len(values):
        value = values[at]
        at += 1
        if value == 0:
            text, ground, marks = PLAIN
        elif value in _MARKS:
            marks |= {_MARKS[value]}
        elif value in _ENDS:
            marks -= _ENDS[value]
        elif value in {38, 48}:
            colour, used = _chosen(values[at:])
            at += used
            if value == 38:
                text = colour
            else:
                ground = colour
        elif value == 39:
            text = ""
        elif value == 49:
            ground = ""
        elif 30 <= value <= 37 or 90 <= value <= 97:
            text = _of_sixteen(value % 10, is_bright=value >= 90)
        elif 40 <= value <= 47 or 100 <= value <= 107:
            ground = _of_sixteen(value % 10, is_bright=value >= 100)
    return Style(text, ground, marks)


def _chosen(values: tuple[int, ...]) -> tuple[str, int]:
    """The colour after 38 or 48, empty if it is none, and how many values it takes."""
    if len(values) >= 2 and values[0] == 5:
        return _of_256(values[1]), 2
    if len(values) >= 4 and values[0] == 2:
        return _nearest(*(min(value, 255) for value in values[1:4])), 4
    return "", len(values)


def _of_sixteen(number: int, *, is_bright: bool) -> str:
    return "grey" if number == 0 and is_bright else _BASIC[number]


def _of_256(number: int) -> str:
    if number < 16:
        return _of_sixteen(number % 8, is_bright=number >= 8)
    if number < 232:
        red, green, blue = (number - 16) // 36, (number - 16) // 6 % 6, (number - 16) % 6
        return _nearest(*(step and 55 + 40 * step for step in (red, green, blue)))
    level = 8 + 10 * min(number - 232, 23)
    return _nearest(level, level, level)


@lru_cache(maxsize=4096)
def _nearest(red: int, green: int, blue: int) -> str:
    """The hue of a colour, or the shade of one that has hardly any."""
    hue, lightness, _ = colorsys.rgb_to_hls(red / 255, green / 255, blue / 255)
    if max(red, green, blue) - min(red, green, blue) < 28:
        return "black" if lightness < 0.25 else "grey" if lightness < 0.65 else "white"
    return HUES[round(hue * 12) % 12]
