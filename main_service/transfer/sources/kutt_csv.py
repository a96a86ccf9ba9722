"""Kutt's links as CSV: its table `links`, or the fields of its API."""

from collections.abc import Iterator
from pathlib import Path

from main_service.transfer.records import Item, SourceLimits
from main_service.transfer.sources.links import LinkColumns, read_links

_COLUMNS = LinkColumns(
    target=("target",),
    short_url=("link",),
    key=("address",),
    title=("description",),
    created_at=("createdat",),
    expires_at=("expirein",),
    visits=("visitcount",),
    source_id=("uuid",),
)


def read(path: Path, _: SourceLimits) -> Iterator[Item]:
    return read_links(path, _COLUMNS)
