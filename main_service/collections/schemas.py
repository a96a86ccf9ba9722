"""Collections in the JSON API: what is sent and what is answered."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from main_service.entries.field_types import Title
from main_service.entries.schemas import EntryOut

MAX_NAME_LENGTH = 100
DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 100


def _name(name: str) -> str:
    if not name:
        raise PydanticCustomError("name_empty", "Give it a name with visible characters")
    if len(name) > MAX_NAME_LENGTH:
        raise PydanticCustomError("name_too_long", "A name has at most 100 characters")
    return name


CollectionName = Annotated[
    Title,
    AfterValidator(_name),
    Field(
        description="Unique among my collections, ignoring case.",
        json_schema_extra={"minLength": 1, "maxLength": MAX_NAME_LENGTH},
    ),
]


class CollectionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: CollectionName


class CollectionChangeIn(BaseModel):
    """Fields that are left out stay as they are."""

    model_config = ConfigDict(extra="forbid")

    name: CollectionName | None = None
    is_shared: bool | None = Field(
        None,
        strict=True,
        description="`true` creates a link for others; `false` makes that link stop working for good.",
    )

    @field_validator("name", "is_shared", mode="before")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "This can't be null; leave it out to keep it")
        return value


class CollectionOut(BaseModel):
    id: UUID
    name: str
    shared_url: str | None = Field(description="The link for others; null: not shared.")
    created_at: datetime
    entry_count: int = Field(description="How many live entries it has.")


class CollectionsOut(BaseModel):
    items: list[CollectionOut]


_NEXT = Field(description="Send it as `cursor` to get the next page; null: this is the last page.")


class CollectedEntriesOut(BaseModel):
    items: list[EntryOut] = Field(description="Live entries, last added first.")
    next_cursor: str | None = _NEXT


class AddedEntriesOut(BaseModel):
    added: list[str] = Field(description="Keys that are in the collection now.")
    not_added: list[str] = Field(description="Keys that don't exist, have ended, or that I may not see.")


class SharedCollectionOut(BaseModel):
    name: str
    items: list[EntryOut] = Field(description="The entries that the reader may see, last added first.")
    next_cursor: str | None = _NEXT
