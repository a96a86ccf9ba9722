"""Turns imports and their lines into answers of the JSON API."""

from collections.abc import AsyncIterator, Sequence

from main_service.entries.serializers import short_url
from main_service.transfer.formats import ImportFormat
from main_service.transfer.models import ImportJob, ImportLine, Verdict
from main_service.transfer.schemas import ImportLineOut, ImportOut
from main_service.transfer.service import state_of
from main_service.web.head_requests import FileStream

PREFIX = "/api/v1/imports"
LINES_TYPE = "application/jsonl"


def import_out(job: ImportJob, public_url: str) -> ImportOut:
    return ImportOut(
        id=job.id,
        state=state_of(job),
        format=ImportFormat(job.format),
        file_name=job.file_name,
        size_bytes=job.size_bytes,
        dry_run=job.is_dry_run,
        asked_at=job.asked_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        position=job.position,
        created=job.created,
        known=job.known,
        skipped=job.skipped,
        failed=job.failed,
        failure=job.failure,
        lines_url=f"{public_url}{PREFIX}/{job.id}/lines",
    )


def line_out(line: ImportLine, public_url: str) -> ImportLineOut:
    verdict = Verdict(line.verdict)
    has_entry = line.key is not None and verdict in (Verdict.CREATED, Verdict.KNOWN)
    return ImportLineOut(
        position=line.position,
        place=line.place,
        verdict=verdict,
        key=line.key,
        url=short_url(public_url, line.key) if has_entry and line.key else None,
        message=line.message,
    )


def lines_response(batches: AsyncIterator[Sequence[ImportLine]], public_url: str) -> FileStream:
    """The lines as JSON Lines, sent as they are read."""

    async def chunks() -> AsyncIterator[bytes]:
        async for batch in batches:
            yield b"".join(line_out(line, public_url).model_dump_json().encode() + b"\n" for line in batch)

    return FileStream(chunks(), media_type=LINES_TYPE)
