"""What lists of one's own entries look like on the wire, in and out."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from main_service.collections.schemas import Name
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
        raise PydanticCustomError("q_invalid", "No title and no address holds control characters")
    return q


class ListingIn(BaseModel):
    """The query of a list. A filter that is misspelt is refused: it would list everything."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind | None = None
    q: Annotated[str, StringConstraints(max_length=MAX_Q_LENGTH), AfterValidator(_searchable)] | None = Field(
        None, description="In the title or the URL, whatever its case. No character has a special meaning."
    )
    original_url: Annotated[str, StringConstraints(max_length=MAX_URL_LENGTH), AfterValidator(complete_url)] | None = (
        Field(None, description="Links to exactly this URL, completed as creates do.")
    )
    state: EntryState | None = Field(None, description="`ended`: whatever is not live, expired or not. Default: all.")
    visibility: Visibility | None = None
    collection: Name | None = Field(None, description="Those in this collection of mine, by its id or its name.")
    sort: Sort = Field(
        Sort.CREATED_LAST,
        description="Earliest, or A, first; with a minus the other way round. Without a title or an end: last.",
    )
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)
    cursor: str | None = Field(None, max_length=MAX_CURSOR_LENGTH, description="`next_cursor` of the page before.")

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
    url: str = Field(description="The address to share.")
    title: str | None
    visibility: Visibility
    state: EntryState = Field(description="`ended`: deleted, viewed as often as it could be, or unused.")
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = Field(description="null: never.")
    ended_at: datetime | None
    archival_reason: ArchivalReason | None = Field(description="Why it ended; null: it is live.")
    visit_count: int = Field(description="Visits of people.")
    views_left: int | None = Field(description="How often it can still be viewed; null: without a limit.")


class OwnedPasteOut(_OwnedOut):
    kind: Literal[Kind.PASTE]
    raw_url: str = Field(description="The address of the text alone.")
    text_url: str = Field(description="The address of the text in this API, which knows access tokens and API tokens.")
    syntax: str | None
    size_bytes: int | None = Field(description="Bytes of the text in UTF-8; null: it was forgotten after its end.")


class OwnedLinkOut(_OwnedOut):
    kind: Literal[Kind.LINK]
    short_url: str = Field(description="The same as `url`.")
    original_url: str | None = Field(description="null: it was forgotten after its end.")


OwnedOut = Annotated[OwnedPasteOut | OwnedLinkOut, Field(discriminator="kind")]


class ListingOut(BaseModel):
    items: list[OwnedOut]
    next_cursor: str | None = Field(description="null: these are the last.")
