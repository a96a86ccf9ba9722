"""Comma- and tab-separated values as a table. The first row is its header; numbers are right-aligned."""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from main_service.rendering.job import Facts, Fragment, Option
from main_service.rendering.markup import escaped

MAX_ROWS = 2_000
"""With more rows, laying out the table takes a browser seconds, because each column is as wide as its widest cell."""
MAX_COLUMNS = 200
MAX_CELLS = 40_000
_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_ROWS = 50

_NUMBER = re.compile(r"\s*[-+−(]?\s?[$€£¥]?\s?\d[\d.,'’ \u00a0\u202f_]*(?:[eE][-+]?\d+)?\s?[%€$£¥]?\)?\s*")
_MAX_DIGITS = 60
_NUMERIC_SHARE = 0.9
"""The share of non-empty cells that must be numbers: a column of numbers may have some `n/a`."""

csv.field_size_limit(2**31 - 1)


def render(text: str, options: Mapping[str, Option]) -> Fragment:
    """The kind `table` of the renderer.

    `separator`: None finds it. `is_cut`: whether the text is only the beginning, and ends within a row.

    Facts: `rows` shown, beside the header; `is_cut`: whether there are more; `hidden_columns`: how many.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    separator = options.get("separator")
    if named := re.match(r"sep=([,;|\t])\n", text):
        text, separator = text[named.end() :], named[1]
    rows = _rows(text, separator if isinstance(separator, str) else _found_separator(text))
    shown = list(islice(rows, MAX_ROWS + 1))
    is_cut = next(rows, None) is not None
    if options.get("is_cut"):
        # The last row may be cut.
        is_cut, shown = True, shown if is_cut else shown[:-1]
    width = max(map(len, shown), default=0)
    columns = min(width, MAX_COLUMNS)
    most_rows = MAX_CELLS // max(columns, 1)
    if len(shown) > most_rows:
        is_cut, shown = True, shown[:most_rows]
    facts: Facts = {"rows": max(len(shown) - 1, 0), "is_cut": is_cut, "hidden_columns": width - columns}
    return Fragment(_table(shown, columns), facts)


def _rows(text: str, separator: str) -> Iterator[list[str]]:
    """The rows that are not empty. Quotes may hold separators and line ends; where they don't close, all follows."""
    # Line by line, so that no more is read than shown. Line ends are kept, because they may be within quotes.
    return filter(None, csv.reader(_lines(text), delimiter=separator))


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end].replace("\0", "\N{SYMBOL FOR NULL}")
        start = end


def _found_separator(text: str) -> str:
    """What separates the cells of the first rows: it gives the most rows of one width, and then the widest."""

    def merit(separator: str) -> tuple[int, int]:
        widths = Counter(len(row) for row in islice(_rows(text, separator), _SAMPLE_ROWS))
        width, count = max(widths.items(), key=lambda item: (item[0] > 1, item[1]), default=(1, 0))
        return (count, width) if width > 1 else (0, 1)

    return max(_SEPARATORS, key=merit)


def _table(rows: Sequence[Sequence[str]], columns: int) -> str:
    if not rows:
        return '<p class="hint">This table is empty.</p>'
    header, *others = rows
    classes = [' class="n"' if _is_numeric(others, column) else "" for column in range(columns)]
    head = "".join(
        f'<th scope="col"{its_class}>{escaped(cell)}</th>' if cell.strip() else "<td></td>"
        for cell, its_class in zip(_padded(header, columns), classes, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            [
                f"<td{its_class}>{escaped(cell)}</td>"
                for cell, its_class in zip(_padded(row, columns), classes, strict=True)
            ]
        )
        + "</tr>\n"
        for row in others
    )
    return (
        '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table class="cells">'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _padded(row: Sequence[str], columns: int) -> list[str]:
    """The row cut or filled up with empty cells, so that it has `columns` cells."""
    return [*row[:columns], *[""] * (columns - len(row))]


def _is_numeric(rows: Sequence[Sequence[str]], column: int) -> bool:
    cells = [row[column] for row in rows if len(row) > column and row[column].strip()]
    numbers = sum(len(cell) <= _MAX_DIGITS and _NUMBER.fullmatch(cell) is not None for cell in cells)
    return numbers > 0 and numbers >= _NUMERIC_SHARE * len(cells)
