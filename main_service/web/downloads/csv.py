"""CSV files for spreadsheet programs, which must not run cells as formulas."""

import csv
import io
from collections.abc import Sequence

BYTE_ORDER_MARK = "\ufeff"
"""Put at the start of a file, so that spreadsheet programs read it as UTF-8."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""How formulas start. Programs for East Asian languages also accept the full-width characters."""


def safe_cell(value: str | int | None) -> str | int | None:
    """The value of a cell, with an apostrophe before it if a spreadsheet program would run it as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def csv_lines(rows: Sequence[Sequence[str | int | None]]) -> str:
    """Rows as CSV lines (RFC 4180). Cells with input of users must have gone through `safe_cell`."""
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()
