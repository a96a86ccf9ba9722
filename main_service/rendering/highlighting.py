"""A text as HTML with the colours of its language, by Pygments."""

from collections.abc import Iterator, Mapping

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, _TokenType
from pygments.util import ClassNotFound

from main_service.rendering import plain_text
from main_service.rendering.job import Fragment, Option
from main_service.rendering.markup import (
    CARRIAGE_RETURN,
    MAX_MARKS,
    PIECE_CHARACTERS,
    NumberedLines,
    count_marks,
    end_of_piece,
    escaped,
    html_of_line,
    in_piece,
)

CLASSES = {
    "k": "k", "ow": "k", "bp": "k", "nd": "k",
    "s": "s", "ld": "s", "dl": "s",
    "m": "m", "na": "m", "no": "m",
    "nf": "f", "fm": "f", "nc": "f", "nb": "f", "nt": "f",
    "c": "c",
    "gi": "i", "gd": "d", "gh": "h", "gu": "h",
}  # fmt: skip
"""Class of our style sheet by the beginning of Pygments' short names. Names, punctuation and white space have none."""
GROUNDED = frozenset("id")
"""The classes of lines with a background of their own, on which white space is visible."""

Run = tuple[str, str]
"""A part of a line: its class, perhaps empty, and its text."""


def render(text: str, options: Mapping[str, Option]) -> Fragment:
    """The kind `code` of the renderer. `syntax`: an alias of Pygments'; one that is unknown gives no colours."""
    lines = list(coloured_lines(text, str(options.get("syntax"))) or ())
    if not lines:
        return plain_text.render(text, options)
    numbered = NumberedLines()
    html = numbered.add(lines) if text.endswith("\n") else numbered.add(lines[:-1]) + numbered.add_part(lines[-1])
    return Fragment(html + numbered.end(), {"lines": len(lines), "is_coloured": True})


def coloured_lines(text: str, syntax: str) -> list[str] | None:
    """The lines of a text as HTML, without their line feeds; None: there is no way to colour it exactly.

    Lexers know `\\n` alone as a line end, so carriage returns before it are taken out and put back. A line with others,
    or with NUL, is shown without colours.
    """
    if not text or count_marks(text) > MAX_MARKS:
        return None
    try:
        lexer = get_lexer_by_name(syntax)
    except ClassNotFound:
        return None
    read = text.replace("\r\n", "\n").replace("\r", " ")
    if not read.endswith("\n"):
        # Without a final line feed, `.*\n` fails at each character of the last line, which is quadratic.
        read += "\n"
    lines = _html_of(_lines_of(lexer, read), read)
    if lines is None:
        return None
    if "\r" in text or "\0" in text:
        _put_back(lines, text)
    return lines


def _html_of(lines: Iterator[list[Run]], read: str) -> list[str] | None:
    """Each line as HTML; None if a lexer has lost, added or moved a part of what it read."""
    html: list[str] = []
    at = 0
    for runs in lines:
        line = "".join([text for _, text in runs])
        if not read.startswith(f"{line}\n", at):
            return None
        at += len(line) + 1
        html.append(_line(runs) if len(line) <= PIECE_CHARACTERS else _long_line(runs))
    return html if at == len(read) else None


def _lines_of(lexer: Lexer, text: str) -> Iterator[list[Run]]:
    """The runs of each line that ends with a line feed. `get_tokens` would strip and expand the text."""
    runs: list[Run] = []
    parts: list[str] = []
    run_class = ""
    classes: dict[_TokenType, str] = {}
    for _, token_type, value in lexer.get_tokens_unprocessed(text):
        its_class = classes.get(token_type)
        if its_class is None:
            its_class = classes[token_type] = class_of(token_type)
        # White space looks alike in all classes without a background: there it never starts a run.
        if its_class != run_class and (run_class in GROUNDED or not value.isspace()):
            if parts:
                runs.append((run_class, "".join(parts)))
                parts.clear()
            run_class = its_class
        if "\n" not in value:
            parts.append(value)
            continue
        first, *others = value.split("\n")
        parts.append(first)
        for other in others:
            runs.append((run_class, "".join(parts)))
            yield runs
            runs, parts = [], [other]
    if runs or any(parts):
        yield [*runs, (run_class, "".join(parts))]


def class_of(token_type: _TokenType) -> str:
    """The class of a token; empty for what looks like plain text."""
    known: _TokenType | None = token_type
    while known is not None and known not in STANDARD_TYPES:
        known = known.parent
    name = STANDARD_TYPES[known] if known is not None else ""
    return next((CLASSES[name[:length]] for length in (2, 1) if name[:length] in CLASSES), "")


def _line(runs: list[Run]) -> str:
    return "".join(
        [
            f"<b class={its_class}>{escaped(text)}</b>" if its_class and text else escaped(text)
            for its_class, text in runs
        ]
    )


def _long_line(runs: list[Run]) -> str:
    """A line in pieces, each with runs of its own."""
    ends = []
    line = "".join([text for _, text in runs])
    at = 0
    while len(line) - at > PIECE_CHARACTERS:
        at += end_of_piece(line[at : at + 2 * PIECE_CHARACTERS])
        ends.append(at)
    pieces: list[list[Run]] = [[]]
    at = 0
    for its_class, text in runs:
        rest = text
        while ends and at + len(rest) > ends[0]:
            here = ends.pop(0) - at
            pieces[-1].append((its_class, rest[:here]))
            pieces.append([])
            at, rest = at + here, rest[here:]
        pieces[-1].append((its_class, rest))
        at += len(rest)
    return "".join([in_piece(_line(piece)) for piece in pieces])


def _put_back(lines: list[str], text: str) -> None:
    """Put back what lexers were not shown. `text`: as it is."""
    for at, line in enumerate(text.split("\n")[: len(lines)]):
        inner = line.removesuffix("\r")
        is_last = at == len(lines) - 1 and not text.endswith("\n")
        if "\r" in inner or "\0" in inner or (is_last and inner != line):
            lines[at] = html_of_line(line, is_ended=not is_last)
        elif inner != line:
            lines[at] += CARRIAGE_RETURN
