"""Lines of our own export, as imports read them. docs/export_format.md says what each field means."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, StrictBool

from main_service.entries.field_types import MAX_VIEWS
from main_service.entries.link_targets import MAX_TARGETS
from main_service.entries.models import Kind, Visibility
from main_service.my_entries.filters import EntryState

_MAX_VISITS = 2**53


class Manifest(BaseModel):
    format: Literal["slipbin-export"]
    version: int
    site: str = Field(max_length=512)
    without_text: list[str] = []


class KeyedLine(BaseModel):
    key: str = Field(max_length=64)


class TargetLine(BaseModel):
    valid_from: AwareDatetime
    original_url: str


class EntryLine(BaseModel):
    key: str = Field(max_length=64)
    kind: Kind
    title: str | None = None
    visibility: Visibility
    state: EntryState
    created_at: AwareDatetime
    updated_at: AwareDatetime
    expires_at: AwareDatetime | None = None
    views_left: int | None = Field(None, ge=1, le=MAX_VIEWS)
    has_public_statistics: StrictBool = False
    visit_count: int = Field(0, ge=0, le=_MAX_VISITS)
    bot_count: int = Field(0, ge=0, le=_MAX_VISITS)
    imported_visit_count: int = Field(0, ge=0, le=_MAX_VISITS)
    imported_bot_count: int = Field(0, ge=0, le=_MAX_VISITS)
    original_url: str | None = None
    passes_query: StrictBool = False
    targets: list[TargetLine] = Field([], max_length=MAX_TARGETS)
    syntax: str | None = None
    detected_syntax: str | None = None


class CollectionLine(BaseModel):
    """A line of `collections.jsonl`: a collection, which has a name, or an entry in one, which has a key."""

    collection: str = Field(max_length=64)
    name: str | None = Field(None, max_length=1_000)
    created_at: AwareDatetime | None = None
    shared_key: str | None = Field(None, max_length=64)
    key: str | None = Field(None, max_length=64)
    added_at: AwareDatetime | None = None
