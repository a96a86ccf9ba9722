"""Writes a report as a zip archive of CSV files. Memory does not grow with the number of rows."""

import csv
import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from main_service.reports.sheets import SUMMARY, CellValue, Workbook
from main_service.web.downloads.csv import BYTE_ORDER_MARK, safe_cell


def write_csv_zip(workbook: Workbook, path: Path) -> None:
    """Write a workbook as a CSV file (RFC 4180) for each sheet, `Entries.csv` and so on, and `Summary.csv`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, SUMMARY, ("Fact", "Value"), workbook.facts)
        for sheet in (workbook.days, *workbook.sheets):
            _write(archive, sheet.name, [column.name for column in sheet.columns], sheet.rows)


def _write(archive: zipfile.ZipFile, name: str, header: Sequence[str], rows: Iterable[Sequence[CellValue]]) -> None:
    # Zip64 from the start, because the size is known only at the end.
    with (
        archive.open(f"{name}.csv", "w", force_zip64=True) as file,
        io.TextIOWrapper(file, encoding="utf-8", newline="") as text,
    ):
        text.write(BYTE_ORDER_MARK)
        lines = csv.writer(text)
        lines.writerow(header)
        lines.writerows([_cell(value) for value in row] for row in rows)


def _cell(value: CellValue) -> str | int | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return safe_cell(value)
