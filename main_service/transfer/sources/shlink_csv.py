"""The CSV of all short URLs that Shlink's web client exports."""

from collections.abc import Iterator
from pathlib import Path

from main_service.transfer.records import Item, SourceLimits
from main_service.transfer.sources.links import LinkColumns, read_links

_COLUMNS = LinkColumns(
    target=("longurl",),
    short_url=("shorturl",),
    key=("shortcode",),
    title=("title",),
    created_at=("createdat", "datecreated"),
    expires_at=("validuntil",),
    visits=("visits", "visitscount"),
    tags=("tags",),
)


def read(path: Path, _: SourceLimits) -> Iterator[Item]:
    return read_links(path, _COLUMNS)
