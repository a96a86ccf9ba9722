"""The CSV that Bitly mails when links are exported, and what programs make of its API."""

from collections.abc import Iterator
from pathlib import Path

from main_service.transfer.records import Item, SourceLimits
from main_service.transfer.sources.links import LinkColumns, read_links

_COLUMNS = LinkColumns(
    target=("destinationurl", "longurl", "destination"),
    # Its own choice of a name first, for that is what was printed and shared.
    short_url=("customlink", "custombitlink", "custombitlinks", "link", "bitlink", "shortlink", "shorturl", "id"),
    title=("title", "linktitle"),
    created_at=("createdat", "created", "datecreated", "creationdate", "createddate", "date"),
    expires_at=("expirationat", "expiresat"),
    visits=("totalengagements", "engagements", "totalclicks", "clicks"),
    tags=("tags",),
    # Which it keeps when it gets another name.
    source_id=("link", "bitlink", "id"),
)


def read(path: Path, _: SourceLimits) -> Iterator[Item]:
    return read_links(path, _COLUMNS)
