"""The table of URLs of YOURLS in an SQL dump, of mysqldump or phpMyAdmin. The dump is read, never run."""

import re
from collections.abc import Iterator
from mmap import ACCESS_READ, mmap
from os import SEEK_END
from pathlib import Path

from main_service.transfer.errors import SourceUnreadableError
from main_service.transfer.files.csv_rows import read_count, read_instant
from main_service.transfer.records import Item, Record, Skipped, SourceLimits

# What repeats is bounded or given back nothing of: else a hostile dump would be searched again for each byte.
_INSERT = re.compile(
    rb"INSERT (?:IGNORE )?INTO\s++[`\"]?\w{0,64}url[`\"]?\s*+(?:\(([^)]{0,4096}+)\)\s*+)?VALUES", re.IGNORECASE
)
_CREATE = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?[`\"]?\w{0,64}url[`\"]?\s*+\(", re.IGNORECASE)
_COLUMN = re.compile(r"\s*[`\"](\w+)[`\"]\s+\w")
_USUAL = ("keyword", "url", "title", "timestamp", "ip", "clicks")
# A string with its escapes, bytes in hexadecimal, a number or NULL; then what ends the value or row. Each is bounded,
# as it is in memory.
_VALUE = re.compile(
    rb"\s{0,99}+(?:'((?:[^'\\]|\\.|''){0,131072}+)'|0x([0-9A-Fa-f]{0,262144}+)|(NULL|-?[0-9.]{1,99}+))\s{0,99}+([,)])",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPE = re.compile(r"\\(.)|''", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "Z": "\x1a", "b": "\b"}
_BETWEEN_ROWS = re.compile(rb"\s*+,?\s*+\(")
_MAX_VALUES = 50
_NO_TABLE = "There is no table of URLs in this dump, or no row in it."


def read(path: Path, _: SourceLimits) -> Iterator[Item]:
    """Each row of the dump, which is read where it lies: only the values of a row are in memory."""
    with path.open("rb") as file:
        if not file.seek(0, SEEK_END):
            raise SourceUnreadableError(_NO_TABLE)
        with mmap(file.fileno(), 0, access=ACCESS_READ) as dump:
            yield from _items(dump)


def _items(dump: mmap) -> Iterator[Item]:
    columns = _columns_of_table(dump) or _USUAL
    position, count = 0, 0
    while insert := _INSERT.search(dump, position):
        named = tuple(re.findall(r"\w+", insert[1].decode(errors="replace"))) if insert[1] else columns
        position = insert.end()
        while begin := _BETWEEN_ROWS.match(dump, position):
            count += 1
            values, position = _row(dump, begin.end())
            yield _link(named, values, f"row {count}")
            if values is None:
                break
    if not count:
        raise SourceUnreadableError(_NO_TABLE)


def _row(dump: mmap, position: int) -> tuple[list[str] | None, int]:
    """The values of the row that begins at `position`, and the position behind it.

    None: where the row ends isn't known. No values: one of them isn't text in UTF-8.
    """
    values: list[str] = []
    is_text = True
    while value := _VALUE.match(dump, position):
        string, in_hexadecimal, bare, end = value.groups()
        position = value.end()
        try:
            if string is not None:
                values.append(_ESCAPE.sub(_unescaped, string.decode()))
            elif in_hexadecimal is not None:
                values.append(bytes.fromhex(in_hexadecimal[: len(in_hexadecimal) // 2 * 2].decode()).decode())
            else:
                values.append("" if bare.upper() == b"NULL" else bare.decode())
        except UnicodeDecodeError:
            is_text = False
        if end == b")":
            return values if is_text else [], position
        if len(values) > _MAX_VALUES:
            break
    return None, position


def _link(columns: tuple[str, ...], values: list[str] | None, place: str) -> Item:
    if values is None or len(values) != len(columns):
        return Skipped(place=place, reason="This row can't be read.")
    row = dict(zip((name.lower() for name in columns), values, strict=True))
    key, target = row.get("keyword", ""), row.get("url", "")
    if not target:
        return Skipped(place=place, reason="There is no target in this row.")
    return Record(
        place=place,
        # As in the CSV, so that both are one.
        source_id=f"{key} {target}",
        original_url=target,
        key=key or None,
        title=row.get("title") or None,
        created_at=read_instant(row.get("timestamp", "")),
        visits=read_count(row.get("clicks", "")),
    )


def _columns_of_table(dump: mmap) -> tuple[str, ...] | None:
    """The names of the columns as the dump creates the table; None: it doesn't."""
    begin = _CREATE.search(dump)
    if begin is None:
        return None
    names = []
    for line in dump[begin.end() : begin.end() + 8_192].decode(errors="replace").strip().splitlines():
        if not (column := _COLUMN.match(line)):
            break
        names.append(column.group(1))
    return tuple(names) or None


def _unescaped(escape: re.Match[str]) -> str:
    sign = escape.group(1)
    return "'" if sign is None else _ESCAPED.get(sign, sign)
