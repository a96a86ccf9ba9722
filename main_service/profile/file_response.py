"""All entries of a user as a file that is made while it is sent."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

from fastapi.responses import StreamingResponse

from main_service.profile.exporting import EntryExporter
from main_service.profile.owned_entry import OwnedEntry
from main_service.profile.presentation import ExportFormat, file_part, file_start
from main_service.web.headers import SANDBOX


async def file_response(
    exporter: EntryExporter, owner_id: UUID, file_format: ExportFormat, *, public_url: str
) -> StreamingResponse:
    """Its memory is that of one batch. If the database goes away in the middle, the connection is cut.

    Raises:
        DatabaseUnavailableError: before anything was sent.
    """
    batches = exporter.batches(owner_id)
    first = await anext(batches)
    name = f"slipbin-entries-{datetime.now(UTC):%Y-%m-%d}.{file_format}"
    return StreamingResponse(
        _chunks(first, batches, file_format, public_url),
        media_type=file_format.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Content-Security-Policy": SANDBOX},
    )


async def _chunks(
    first: list[OwnedEntry], others: AsyncIterator[list[OwnedEntry]], file_format: ExportFormat, public_url: str
) -> AsyncIterator[bytes]:
    # In a thread, while others are answered.
    yield file_start(file_format) + await asyncio.to_thread(file_part, file_format, first, public_url)
    async for batch in others:
        yield await asyncio.to_thread(file_part, file_format, batch, public_url)
