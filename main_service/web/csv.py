"""CSV for spreadsheets, which would run some cells as formulas."""

import csv
import io
from collections.abc import Sequence

BYTE_ORDER_MARK = "\ufeff"
"""Without it, spreadsheets take UTF-8 for something else."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""The wide ones are taken for the others where people write with them."""


def safe_cell(value: str | int | None) -> str | int | None:
    """What a spreadsheet would run as a formula becomes a text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def csv_lines(rows: Sequence[Sequence[str | int | None]]) -> str:
    """Rows as RFC 4180 has them. Cells from users must have gone through `safe_cell`."""
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()
