"""Links in CSV files of other services: what all of them have in common."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from main_service.transfer.files.csv_rows import Row, first_value, read_count, read_instant, read_rows
from main_service.transfer.records import Item, NamedCollection, Record, Skipped


@dataclass(frozen=True)
class LinkColumns:
    """The names of columns, in plain form; of several the first that isn't empty counts."""

    target: tuple[str, ...]
    short_url: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    created_at: tuple[str, ...] = ()
    expires_at: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    source_id: tuple[str, ...] = ()
    """An id that its service gave it; else it is called by its short URL, or by its key and target."""


def read_links(path: Path, columns: LinkColumns) -> Iterator[Item]:
    """The links of a file, one of each row.

    Raises:
        SourceUnreadableError: it is no CSV, or has not these columns.
    """
    required = (frozenset(columns.target), frozenset(columns.short_url + columns.key))
    for line, row in read_rows(path, required=required):
        place = f"line {line}"
        yield Skipped(place=place, reason=row) if isinstance(row, str) else _link(row, columns, place)


def _link(row: Row, columns: LinkColumns, place: str) -> Item:
    target, short_url = first_value(row, *columns.target), first_value(row, *columns.short_url)
    key = first_value(row, *columns.key) or key_of(short_url)
    if not target:
        return Skipped(place=place, reason="There is no target in this line.")
    return Record(
        place=place,
        source_id=first_value(row, *columns.source_id) or _plain_url(short_url) or f"{key} {target}",
        original_url=target,
        key=key or None,
        title=first_value(row, *columns.title) or None,
        created_at=read_instant(first_value(row, *columns.created_at)),
        expires_at=read_instant(first_value(row, *columns.expires_at)),
        visits=read_count(first_value(row, *columns.visits)),
        collections=tuple(NamedCollection(tag) for tag in _tags(first_value(row, *columns.tags))),
    )


def key_of(short_url: str) -> str:
    """The last part of the path of a short URL; empty if there is none."""
    try:
        path = urlsplit(short_url if "//" in short_url else f"//{short_url}").path
    except ValueError:
        return ""
    return path.rstrip("/").rpartition("/")[2]


def _plain_url(short_url: str) -> str:
    return re.sub(r"^https?://", "", short_url.strip(), flags=re.IGNORECASE).rstrip("/")


def _tags(text: str) -> Iterator[str]:
    return (tag for tag in dict.fromkeys(part.strip() for part in re.split(r"[|,;]", text.strip("[]"))) if tag)
