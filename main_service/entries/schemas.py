"""What entries look like on the wire, in and out."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from main_service.entries.aliases import ALIAS_RULE
from main_service.entries.change import Changes
from main_service.entries.create import NewEntry
from main_service.entries.entry import FIELDS
from main_service.entries.field_types import (
    Alias,
    DetectedSyntax,
    ExpiresIn,
    Instant,
    Syntax,
    TargetUrl,
    Text,
    Title,
    Views,
)
from main_service.entries.lifetimes import Lifetime
from main_service.entries.models import Kind, Visibility
from main_service.errors import FieldError, InvalidInputError

MAX_MANY = 1_000
NEVER_NULL = ("visibility", "has_public_statistics", "passes_query", "original_url", "text", "expires_at", "expires_in")
"""Fields of an entry that can be changed, but not taken away."""


class _EntryValuesIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expires_at: Instant | None = None
    expires_in: ExpiresIn | None = None

    @model_validator(mode="after")
    def _refuse_both(self) -> "_EntryValuesIn":
        if self.expires_at is not None and self.expires_in is not None:
            raise PydanticCustomError("expiry_twice", "Give expires_at or expires_in, not both")
        return self

    def columns(self, names: Iterable[str]) -> dict[str, Any]:
        """Values of those fields that are columns of an entry, except its expiry."""
        return {name: getattr(self, name) for name in names if name in FIELDS and name != "expires_at"}

    @property
    def lifetime(self) -> Lifetime:
        if isinstance(self.expires_in, str):
            return Lifetime(is_endless=True)
        return Lifetime(expires_at=self.expires_at, expires_in=self.expires_in)


class _EntryIn(_EntryValuesIn):
    title: Title | None = None
    alias: Alias | None = Field(None, description="A key of your choice. " + ALIAS_RULE)
    visibility: Visibility = Field(Visibility.UNLISTED, description="`private` needs an account: others get 404.")
    views: Views | None = None

    def new_entry(self, expires_at: datetime | None = None) -> NewEntry:
        """What to create. `expires_at`: the expiry, if it was given in the query.

        Raises:
            InvalidInputError: the body has a lifetime, too.
        """
        lifetime = self.lifetime
        if expires_at is not None:
            if lifetime.is_given:
                message = "Give the expiry once: in the query or in the body."
                raise InvalidInputError(fields=[FieldError("expires_at", "expiry_twice", message)])
            lifetime = Lifetime(expires_at=expires_at)
        return NewEntry(
            alias=self.alias, lifetime=lifetime, views=self.views, fields=self.columns(type(self).model_fields)
        )


class PasteOptionsIn(_EntryIn):
    """What is said about a new paste whose text is sent otherwise."""

    syntax: Syntax | None = None


class PasteIn(PasteOptionsIn):
    text: Text


def _take_url(values: Any) -> Any:
    """Rename `url`, as many programs call it, to `original_url`."""
    if not isinstance(values, dict) or "url" not in values:
        return values
    if "original_url" in values:
        raise PydanticCustomError("url_twice", "Give original_url or url, not both")
    return {("original_url" if name == "url" else name): value for name, value in values.items()}


def _document_url(schema: dict[str, Any]) -> None:
    properties = schema["properties"]
    properties["url"] = properties["original_url"] | {"title": "Url", "description": "Another name for `original_url`."}
    if "original_url" in schema.get("required", []):
        schema["required"].remove("original_url")
        schema["oneOf"] = [{"required": ["original_url"]}, {"required": ["url"]}]
    else:
        schema["not"] = {"required": ["original_url", "url"]}


_ABOUT_PASSING = (
    "Whether the query of a visit is passed on: `/KEY?utm_source=mail` leads to the target with `utm_source=mail` after"
    " its own query. Parameters that the target already has are not replaced."
)


class LinkIn(_EntryIn):
    model_config = ConfigDict(json_schema_extra=_document_url)

    original_url: TargetUrl
    passes_query: StrictBool = Field(False, description=_ABOUT_PASSING)

    _take_url = model_validator(mode="before")(_take_url)


class EntryChangeIn(_EntryValuesIn):
    """What is not sent stays. `null` takes a title or syntax away."""

    model_config = ConfigDict(json_schema_extra=_document_url)

    title: Title | None = None
    visibility: Visibility | None = None
    has_public_statistics: StrictBool | None = Field(
        None, description="Whether anyone who may see the entry may see its statistics."
    )
    original_url: TargetUrl | None = Field(None, description="Links only.")
    passes_query: StrictBool | None = Field(None, description=f"Links only. {_ABOUT_PASSING}")
    text: Text | None = Field(None, description="Pastes only.")
    syntax: Syntax | None = Field(None, description="Pastes only.")

    _take_url = model_validator(mode="before")(_take_url)

    @field_validator(*NEVER_NULL, mode="before")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        if value is None:
            raise PydanticCustomError("null", "This can't be null; leave it out to keep it")
        return value

    @property
    def changes(self) -> Changes:
        return self.changes_with(None if self.text is None else self.text.encode())

    def changes_with(self, text: bytes | None) -> Changes:
        """The changes with a text in UTF-8 that was sent otherwise; None: it stays."""
        return Changes(fields=self.columns(self.model_fields_set), lifetime=self.lifetime, text=text)


class ManyEntriesIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: list[Annotated[str, StringConstraints(max_length=64)]] = Field(min_length=1, max_length=MAX_MANY)


class DeletedEntriesOut(BaseModel):
    deleted: list[str]
    not_deleted: list[str] = Field(description="Keys that aren't mine or have ended.")


class _EntryOut(BaseModel):
    key: str
    url: str = Field(description="The link to share.")
    title: str | None = Field(description="null for an entry with limited views, except for those who manage it.")
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = Field(description="null: never.")
    views_left: int | None = Field(description="Views left; null: unlimited.")
    has_public_statistics: bool = Field(description="Whether anyone who may see the entry may see its statistics.")
    visit_count: int | None = Field(
        description="Visits by people; null: shown only to those who manage it, or the database is down."
    )
    imported_visit_count: int | None = Field(
        description="Visits counted elsewhere before the import; in no other figure. null if `visit_count` is."
    )


class PasteOut(_EntryOut):
    kind: Literal[Kind.PASTE]
    raw_url: str = Field(description="The URL of the plain text.")
    text_url: str = Field(description="The URL of the text in this API, which accepts access tokens and API tokens.")
    syntax: str | None = Field(description="The language that was given. null: none was.")
    detected_syntax: DetectedSyntax
    size_bytes: int = Field(description="Bytes of the text in UTF-8.")


class LinkOut(_EntryOut):
    kind: Literal[Kind.LINK]
    short_url: str = Field(description="The same as `url`.")
    original_url: str | None = Field(description="null for a link with limited views, except for those who manage it.")
    passes_query: bool = Field(description="Whether the query of a visit is passed on to the target.")


_ABOUT_MANAGING = "Changes and deletes a guest's entry; returned only once. null: the entry belongs to an account."


class CreatedPasteOut(PasteOut):
    manage_token: str | None = Field(description=_ABOUT_MANAGING)


class CreatedLinkOut(LinkOut):
    manage_token: str | None = Field(description=_ABOUT_MANAGING)


EntryOut = Annotated[PasteOut | LinkOut, Field(discriminator="kind")]
