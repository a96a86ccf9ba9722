"""Imports in the JSON API: what is answered."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from main_service.transfer.formats import ImportFormat
from main_service.transfer.models import Verdict
from main_service.transfer.service import ImportState


class ImportOut(BaseModel):
    id: UUID
    state: ImportState = Field(description="waiting → running → done, stopped or failed.")
    format: ImportFormat
    file_name: str
    size_bytes: int
    dry_run: bool
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    position: int = Field(description="How many items of the file are settled: the sum of the four that follow.")
    created: int = Field(
        description="Entries, and collections without entries, that were created; in a dry run, that would be."
    )
    known: int = Field(description="Imported before, or here anyway.")
    skipped: int = Field(description="There was nothing to import, because it had expired, for example.")
    failed: int
    failure: str | None = Field(description="Why it ended before the end of its file.")
    lines_url: str = Field(description="What became of each item, as JSON Lines.")


class ImportsOut(BaseModel):
    items: list[ImportOut] = Field(description="Newest first.")


class ImportLineOut(BaseModel):
    position: int
    place: str
    verdict: Verdict
    key: str | None
    url: str | None
    message: str | None
