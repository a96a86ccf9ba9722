"""Turns a user's entries into answers of the JSON API, and into JSON Lines or CSV files, made while they are sent."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from main_service.entries.models import Kind
from main_service.entries.serializers import entry_urls
from main_service.my_entries.archive import ArchiveService
from main_service.my_entries.filters import OwnedEntry
from main_service.my_entries.schemas import OwnedLinkOut, OwnedPasteOut
from main_service.my_entries.service import EntryExporter
from main_service.web.downloads.csv import BYTE_ORDER_MARK, csv_lines, safe_cell
from main_service.web.head_requests import FileStream
from main_service.web.headers import SANDBOX

_BY_KIND = (OwnedPasteOut.model_fields.keys() ^ OwnedLinkOut.model_fields.keys()) - {"short_url", "text_url"}
_COMMON = [name for name in OwnedLinkOut.model_fields if name in OwnedPasteOut.model_fields]
CSV_COLUMNS = tuple(dict.fromkeys(("key", "kind", *_COMMON, *sorted(_BY_KIND))))


class ExportFormat(StrEnum):
    JSON_LINES = "jsonl"
    CSV = "csv"

    @property
    def media_type(self) -> str:
        return {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}[self]


def owned_out(entry: OwnedEntry, public_url: str) -> OwnedPasteOut | OwnedLinkOut:
    shape = OwnedPasteOut if entry.kind is Kind.PASTE else OwnedLinkOut
    return shape(**vars(entry), state=entry.state, **entry_urls(public_url, entry.key))


def file_start(file_format: ExportFormat) -> bytes:
    return (BYTE_ORDER_MARK + csv_lines([CSV_COLUMNS])).encode() if file_format is ExportFormat.CSV else b""


def file_part(file_format: ExportFormat, entries: Sequence[OwnedEntry], public_url: str) -> bytes:
    """The lines of a file for these entries, one each."""
    shown = [owned_out(entry, public_url) for entry in entries]
    if file_format is ExportFormat.JSON_LINES:
        return b"".join(each.model_dump_json().encode() + b"\n" for each in shown)
    values = [each.model_dump(mode="json") for each in shown]
    return csv_lines([[safe_cell(each.get(column)) for column in CSV_COLUMNS] for each in values]).encode()


async def export_response(
    exporter: EntryExporter, owner_id: UUID, file_format: ExportFormat, *, public_url: str
) -> FileStream:
    """All entries of the owner as a download. It holds one batch in memory.

    If the database becomes unavailable while the file is sent, the connection is cut.

    Raises:
        DatabaseUnavailableError: the database was unavailable before anything was sent.
    """
    batches = exporter.batches(owner_id)
    first = await anext(batches)
    name = f"slipbin-entries-{datetime.now(UTC):%Y-%m-%d}.{file_format}"
    return _download(_chunks(first, batches, file_format, public_url), name, media_type=file_format.media_type)


async def archive_response(archive: ArchiveService, owner_id: UUID, *, is_read: bool) -> FileStream:
    """All that belongs to the owner as one zip. If anything fails while it is sent, the connection is cut.

    `is_read`: False for HEAD, whose answer needs none of it.

    Raises:
        DatabaseUnavailableError, BodyStoreUnavailableError: before anything was sent.
    """
    chunks = archive.chunks(owner_id)
    first = await anext(chunks)
    if is_read:
        first = await anext(chunks)
    name = f"slipbin-{datetime.now(UTC):%Y-%m-%d}.zip"
    return _download(_all(first, chunks), name, media_type="application/zip")


def _download(content: AsyncIterator[bytes], name: str, *, media_type: str) -> FileStream:
    return FileStream(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": SANDBOX},
    )


async def _all(first: bytes, others: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    # Closed with the answer, so that nothing is fetched ahead any longer.
    async with aclosing(others):
        yield first
        async for chunk in others:
            yield chunk


async def _chunks(
    first: list[OwnedEntry], others: AsyncIterator[list[OwnedEntry]], file_format: ExportFormat, public_url: str
) -> AsyncIterator[bytes]:
    # In a thread, while others are answered.
    yield file_start(file_format) + await asyncio.to_thread(file_part, file_format, first, public_url)
    async for batch in others:
        yield await asyncio.to_thread(file_part, file_format, batch, public_url)
