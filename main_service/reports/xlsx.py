"""Writes a report as an Excel workbook. Memory does not grow with the number of rows."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rustpy_xlsxwriter import Format, write_worksheets

from main_service.reports.sheets import SUMMARY, CellType, CellValue, Sheet, Workbook

MAX_SHEET_ROWS = 1_048_576 - 1
"""The most rows that Excel takes in a sheet, without the header."""
MAX_CELL_CHARACTERS = 32_767
"""The most characters that Excel takes in a cell, counted in UTF-16 code units."""
CUT = "…"

_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_NUMBER_FORMATS = {CellType.NUMBER: "#,##0", CellType.DAY: "yyyy-mm-dd", CellType.INSTANT: "yyyy-mm-dd hh:mm:ss"}
_CHART_WIDTH, _CHART_HEIGHT = 800, 360
"""The size of the chart, in pixels."""


def write_xlsx(workbook: Workbook, path: Path) -> None:
    """Write a workbook as an Excel file. A sheet with more rows than Excel takes continues in further sheets."""
    header_row = len(workbook.facts) + 1
    parts = [part for sheet in workbook.sheets for part in _parts(sheet)]
    sheets = {SUMMARY: workbook.days, **dict(parts)}
    write_worksheets(
        [(name, _records(sheet)) for name, sheet in sheets.items()],
        path,
        freeze_panes={"general": {"row": 1, "col": 0}, SUMMARY: {"row": header_row + 1, "col": 0}},
        bold_headers=True,
        column_widths={name: [float(column.width) for column in sheet.columns] for name, sheet in sheets.items()},
        column_formats={name: _formats(sheet) for name, sheet in sheets.items()},
        header_row={SUMMARY: header_row},
        merge_ranges={SUMMARY: [_fact(row, name, text) for row, (name, text) in enumerate(workbook.facts)]},
        charts={SUMMARY: [_chart(workbook.days)]},
        # Held in memory, so that the chart contains its figures for programs that don't look them up in the sheet.
        dedupe_strings={SUMMARY: True},
    )


def _parts(sheet: Sheet) -> Iterator[tuple[str, Sheet]]:
    """A sheet in parts that Excel takes, with their names: "Entries", "Entries 2" and so on."""
    for number, start in enumerate(range(0, max(1, sheet.row_count), MAX_SHEET_ROWS), start=1):
        count = min(MAX_SHEET_ROWS, sheet.row_count - start)
        name = sheet.name if number == 1 else f"{sheet.name} {number}"
        yield name, Sheet(name, sheet.columns, count, islice(sheet.rows, count))


def _records(sheet: Sheet) -> Iterator[dict[str, Any]]:
    names = [column.name for column in sheet.columns]
    if not sheet.row_count:
        # Without a row the sheet would have no header either.
        yield dict.fromkeys(names)
    for row in sheet.rows:
        yield dict(zip(names, map(_cell, row), strict=True))


def _cell(value: CellValue) -> CellValue:
    if isinstance(value, str):
        return _text(value)
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _text(text: str) -> str:
    """The text without what Excel refuses. It is written as a text, never as a formula, a number or a URL."""
    text = _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)
    if len(text) * 2 <= MAX_CELL_CHARACTERS:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_CELL_CHARACTERS:
        return text
    return units[: 2 * (MAX_CELL_CHARACTERS - len(CUT))].decode("utf-16-le", "ignore") + CUT


def _formats(sheet: Sheet) -> dict[str, Format]:
    return {
        column.name: Format().set_num_format(_NUMBER_FORMATS[column.cell_type])
        if column.cell_type in _NUMBER_FORMATS
        # The same as a typed apostrophe: the cell stays a text when it is edited.
        else Format().set_quote_prefix()
        for column in sheet.columns
    }


def _fact(row: int, name: str, text: str) -> tuple[int, int, int, int, str]:
    return row, 0, row, 3, _text(f"{name}: {text}")


def _chart(days: Sheet) -> dict[str, Any]:
    # Their second column is a text, as not every program shows dates along an axis.
    _, label, *counts = [column.name for column in days.columns]
    return {
        "type": "column_stacked",
        "series": counts[:2],
        "categories": label,
        "title": "Visits per day",
        "width": _CHART_WIDTH,
        "height": _CHART_HEIGHT,
    }
