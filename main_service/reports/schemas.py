"""Reports in the JSON API: what is sent and what is answered."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from main_service.collections.schemas import CollectionName
from main_service.reports.models import ReportFormat
from main_service.reports.service import MAX_DAYS, ReportSpec, ReportState
from main_service.statistics.schemas import Day


class ReportIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    first: Day = Field(alias="from", description="First day, in UTC.")
    last: Day = Field(
        alias="to", description=f"Last day, in UTC, included; at most {MAX_DAYS} days. Future days are left out."
    )
    format: ReportFormat = Field(ReportFormat.XLSX, description="`csv`: a zip archive of files, one for each sheet.")
    collection: CollectionName | None = Field(
        None, description="Id or name of a collection of mine: only my entries in it. Default: all my entries."
    )

    @property
    def spec(self) -> ReportSpec:
        return ReportSpec(first=self.first, last=self.last, format=self.format, collection=self.collection)


class ReportOut(BaseModel):
    id: UUID
    state: ReportState = Field(description="asked → building → ready → expired; or failed.")
    format: ReportFormat
    first: date = Field(serialization_alias="from")
    last: date = Field(serialization_alias="to")
    collection_id: UUID | None
    collection: str | None = Field(description="Its name when the report was created; null: all my entries.")
    asked_at: datetime
    started_at: datetime | None = Field(description="When the last attempt to build it started.")
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="When its file is deleted; null while it is not finished.")
    size_bytes: int | None
    file_url: str | None = Field(description="The URL of the file; null unless the state is `ready`.")
    failure: str | None = Field(description="Why it could not be built; null unless the state is `failed`.")


class ReportsOut(BaseModel):
    items: list[ReportOut] = Field(description="Newest first.")
