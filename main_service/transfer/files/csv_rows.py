"""Rows of CSV files as people export them: any of the usual encodings and separators, columns by their names."""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TextIO

from main_service.transfer.errors import SourceUnreadableError

MAX_CELL_CHARACTERS = 128 * 1024
MAX_COLUMNS = 200
_LONGEST_ROW = 4 * 1024 * 1024
"""The longest row, in characters."""
_SAMPLE_CHARACTERS = 64 * 1024
_NO_DATE = ("", "null", "none", "never", "0000-00-00 00:00:00")

Row = Mapping[str, str]
"""The cells by the names of their columns, in lower case and without white space, hyphens and underscores."""


def read_rows(path: Path, *, required: tuple[frozenset[str], ...]) -> Iterator[tuple[int, Row | str]]:
    """The rows after the header, each with the number of its first line; a string in place of a row says what is wrong.

    `required`: sets of column names; the header must have at least one column of each set.

    Raises:
        SourceUnreadableError: the file is not CSV, or lacks a required column.
    """
    encoding = _encoding_of(path)
    with path.open(encoding=encoding, errors="strict", newline="") as file:
        try:
            dialect = _separator_of(file.read(_SAMPLE_CHARACTERS))
            file.seek(0)
            csv.field_size_limit(MAX_CELL_CHARACTERS)
            lines = _BoundedLines(file)
            rows = csv.reader(lines, delimiter=dialect)
            names = [plain_name(cell) for cell in next(rows, [])]
            _require_columns(names, required)
            yield from _rows(rows, names, lines)
        except UnicodeError as error:
            raise SourceUnreadableError("This file isn't text in UTF-8 or UTF-16.") from error
        except csv.Error as error:
            raise SourceUnreadableError(f"This file isn't CSV: {error}.") from error


class _BoundedLines:
    """The lines of a file, with a limit for each row: the csv module has none for lines or for rows."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._left = _LONGEST_ROW

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._left + 1)
        if not line:
            raise StopIteration
        self._left -= len(line)
        if self._left < 0:
            raise SourceUnreadableError("This file has a line that is far too long. Is this the format that you chose?")
        return line

    def begin_row(self) -> None:
        self._left = _LONGEST_ROW


def _rows(rows: Iterator[list[str]], names: list[str], lines: _BoundedLines) -> Iterator[tuple[int, Row | str]]:
    line = 2
    for cells in rows:
        lines.begin_row()
        if any(cells):
            if len(cells) > len(names):
                yield line, "This line has more cells than the first line has column names."
            else:
                yield line, dict(zip(names, (cell.strip() for cell in cells), strict=False))
        # From the reader, because a cell may contain line ends.
        line = rows.line_num + 1  # type: ignore[attr-defined]


def plain_name(name: str) -> str:
    return re.sub(r"[\s_-]+", "", name.strip().strip("\ufeff").lower())


def first_value(row: Row, *names: str) -> str:
    """The value of the first of these columns that isn't empty; empty if all are."""
    return next((row[name] for name in names if row.get(name)), "")


def read_count(text: str) -> int:
    """A count such as `1234` or `1,234`; anything else is 0."""
    digits = re.sub(r"[,\s'.]", "", text)
    return min(int(digits), 2**53) if digits.isascii() and digits.isdigit() and len(digits) < 20 else 0


def read_instant(text: str) -> datetime | None:
    """An instant, in UTC if it has no offset; None: it is missing or can't be read.

    Takes ISO 8601, `2024-01-31 12:00:00`, `Jan 31, 2024`, and seconds or milliseconds since 1970.
    """
    text = text.strip()
    if text.lower() in _NO_DATE:
        return None
    try:
        if re.fullmatch(r"\d{9,13}", text, re.ASCII):
            seconds = int(text) / (1_000 if len(text) > 11 else 1)
            return datetime.fromtimestamp(seconds, UTC)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        found_in_words = _in_words(text)
        if found_in_words is None:
            return None
        found = found_in_words
    try:
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        return None


def _in_words(text: str) -> datetime | None:
    for form in ("%b %d, %Y", "%B %d, %Y", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S UTC", "%Y-%m-%dT%H:%M:%S%z"):
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 (the caller gives it UTC)
        except ValueError:
            continue
    return None


def _encoding_of(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(2)
    return "utf-16" if start in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _separator_of(sample: str) -> str:
    """The separator: the one that occurs most often in the first line, outside quotes."""
    first = re.sub(r'"[^"]*"', "", sample.split("\n", 1)[0])
    return max((",", ";", "\t"), key=first.count)


def _require_columns(names: list[str], required: tuple[frozenset[str], ...]) -> None:
    if len(names) > MAX_COLUMNS:
        raise SourceUnreadableError(f"The first line has more than {MAX_COLUMNS} columns.")
    for names_of_one in required:
        if not names_of_one & set(names):
            wanted = " or ".join(sorted(names_of_one))
            raise SourceUnreadableError(f"The first line names no column {wanted}. Is this the format that you chose?")
