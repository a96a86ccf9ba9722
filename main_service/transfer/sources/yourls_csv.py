"""YOURLS' table of URLs as CSV, as its plugins and phpMyAdmin export it."""

from collections.abc import Iterator
from pathlib import Path

from main_service.transfer.records import Item, SourceLimits
from main_service.transfer.sources.links import LinkColumns, read_links

_COLUMNS = LinkColumns(
    target=("url", "longurl"),
    short_url=("shorturl",),
    key=("keyword",),
    title=("title",),
    created_at=("timestamp", "date"),
    visits=("clicks",),
)


def read(path: Path, _: SourceLimits) -> Iterator[Item]:
    return read_links(path, _COLUMNS)
