"""Lists of a user's own entries in the JSON API: what is sent and what is answered."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from main_service.collections.schemas import CollectionName
from main_service.entries.field_types import DetectedSyntax
from main_service.entries.models import ArchivalReason, Kind, Visibility
from main_service.entries.urls import MAX_URL_LENGTH, complete_url
from main_service.my_entries.filters import EntryState, Filters, Sort
from main_service.web.cursors import MAX_CURSOR_LENGTH

MAX_Q_LENGTH = 200
MAX_LIMIT = 100
DEFAULT_LIMIT = 50

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def _searchable(q: str) -> str:
    if _CONTROL.search(q):
        raise PydanticCustomError("q_invalid", "Titles and URLs contain no control characters")
    return q


class ListingIn(BaseModel):
    """The query of a list. A misspelt filter is refused, because ignoring it would list everything."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind | None = None
    q: Annotated[str, StringConstraints(max_length=MAX_Q_LENGTH), AfterValidator(_searchable)] | None = Field(
        None, description="Text in the title or the URL, ignoring case. No wildcards."
    )
    original_url: Annotated[str, StringConstraints(max_length=MAX_URL_LENGTH), AfterValidator(complete_url)] | None = (
        Field(None, description="Links to exactly this URL; https:// is added as when creating.")
    )
    state: EntryState | None = Field(None, description="`ended`: all that aren't live. Default: all.")
    visibility: Visibility | None = None
    collection: CollectionName | None = Field(None, description="Entries in this collection of mine, by id or name.")
    sort: Sort = Field(
        Sort.CREATED_LAST,
        description="Ascending; with a minus, descending. Entries without a title or expiry come last.",
    )
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=MAX_CURSOR_LENGTH, description="`next_cursor` of the previous page.")

    @property
    def filters(self) -> Filters:
        return Filters(
            kind=self.kind,
            state=self.state,
            visibility=self.visibility,
            collection=self.collection,
            original_url=self.original_url,
            q=self.q,
        )


class _OwnedOut(BaseModel):
    key: str
    url: str = Field(description="The link to share.")
    title: str | None
    visibility: Visibility
    state: EntryState = Field(description="`ended`: deleted, unused, or its view limit was reached.")
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = Field(description="null: never.")
    ended_at: datetime | None
    archival_reason: ArchivalReason | None = Field(description="Why it ended; null: live.")
    visit_count: int = Field(description="Visits by people.")
    imported_visit_count: int = Field(
        description="Visits counted elsewhere before the entry was imported; in no other figure."
    )
    views_left: int | None = Field(description="Views left; null: unlimited.")


class OwnedPasteOut(_OwnedOut):
    kind: Literal[Kind.PASTE]
    raw_url: str = Field(description="The URL of the plain text.")
    text_url: str = Field(description="The URL of the text in this API, which accepts access tokens and API tokens.")
    syntax: str | None
    detected_syntax: DetectedSyntax
    size_bytes: int | None = Field(description="Bytes of the text in UTF-8; null: cleared after the entry ended.")


class OwnedLinkOut(_OwnedOut):
    kind: Literal[Kind.LINK]
    short_url: str = Field(description="The same as `url`.")
    original_url: str | None = Field(description="null: cleared after the entry ended.")
    passes_query: bool = Field(description="Whether the query of a visit is passed on to the target.")


OwnedOut = Annotated[OwnedPasteOut | OwnedLinkOut, Field(discriminator="kind")]


class ListingOut(BaseModel):
    items: list[OwnedOut]
    next_cursor: str | None = Field(description="null: this is the last page.")
