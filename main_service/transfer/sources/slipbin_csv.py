"""Our own CSV of a user's entries. It holds no texts, so pastes are passed over: the zip has them."""

from collections.abc import Iterator
from pathlib import Path

from main_service.entries.field_types import MAX_VIEWS
from main_service.entries.models import Visibility
from main_service.transfer.files.csv_rows import Row, first_value, read_count, read_instant, read_rows
from main_service.transfer.records import Item, Record, Skipped, SourceLimits

_REQUIRED = (frozenset(["key"]), frozenset(["kind"]), frozenset(["originalurl"]))


def read(path: Path, _: SourceLimits) -> Iterator[Item]:
    for line, row in read_rows(path, required=_REQUIRED):
        place = f"line {line}"
        yield Skipped(place=place, reason=row) if isinstance(row, str) else _entry(row, place)


def _entry(row: Row, place: str) -> Item:
    if first_value(row, "kind") != "link":
        return Skipped(place=place, reason="Texts of pastes aren't in this file. The zip has them.", is_fault=False)
    if first_value(row, "state") not in ("", "live"):
        return Skipped(place=place, reason="This has ended.", is_fault=False)
    visibility = first_value(row, "visibility")
    views = first_value(row, "viewsleft")
    return Record(
        place=place,
        source_id=first_value(row, "url", "key"),
        original_url=_unprotected(first_value(row, "originalurl")),
        key=_unprotected(first_value(row, "key")) or None,
        title=_unprotected(first_value(row, "title")) or None,
        visibility=Visibility(visibility) if visibility in set(Visibility) else Visibility.UNLISTED,
        created_at=read_instant(first_value(row, "createdat")),
        expires_at=read_instant(first_value(row, "expiresat")),
        visits=read_count(first_value(row, "visitcount")) + read_count(first_value(row, "importedvisitcount")),
        values={"views_left": min(read_count(views), MAX_VIEWS)} if read_count(views) else {},
    )


def _unprotected(text: str) -> str:
    """A cell without the apostrophe that keeps spreadsheets from running it."""
    return text[1:] if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@") else text
