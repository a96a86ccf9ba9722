"""What entries look like on the wire, in and out."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from main_service.entries.aliases import ALIAS_PATTERN, ALIAS_RULE, is_key
from main_service.entries.change import Changes
from main_service.entries.create import NewEntry
from main_service.entries.entry import FIELDS
from main_service.entries.lifetimes import Lifetime
from main_service.entries.models import Kind, Visibility
from main_service.entries.syntaxes import is_syntax
from main_service.entries.urls import MAX_URL_LENGTH, check_url, complete_url
from main_service.errors import FieldError, InvalidInputError
from main_service.web.durations import DURATION_SCHEMAS, read_duration

MAX_TITLE_LENGTH = 200
MAX_VIEWS = 1_000_000
MAX_MANY = 1_000
NEVER = "never"
NEVER_NULL = ("visibility", "has_public_statistics", "original_url", "text", "expires_at", "expires_in")
"""Fields of an entry that can be changed, but not taken away."""


# Line ends, control characters, and what changes the direction of writing up to its end: where it has none, that
# reaches beyond the title, into a browser's tab.
_FORBIDDEN_IN_TITLES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# White space, what Unicode calls Default_Ignorable_Code_Point, and the braille pattern without dots.
_NOTHING_TO_SEE = re.compile(
    r"[\s\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f\u2800\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]*"
)
_URL_PATTERN = r"^[\s\u200b\ufeff]*([Hh][Tt][Tt][Pp][Ss]?://|(//)?[^\s./?#@:]+\.)"
"""Matches what may be accepted; for the rest, the error says why."""
_DATE_AND_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]", re.ASCII)


def _title(title: str) -> str | None:
    """The title unchanged, or None where there is nothing to see in it."""
    if _FORBIDDEN_IN_TITLES.search(title):
        raise PydanticCustomError("title_invalid", "A title can't contain line breaks or control characters")
    return None if _NOTHING_TO_SEE.fullmatch(title) else title


def _alias(alias: str) -> str:
    if not is_key(alias):
        raise PydanticCustomError("alias_invalid", ALIAS_RULE)
    return alias


def _syntax(syntax: str) -> str:
    syntax = syntax.lower()
    if not is_syntax(syntax):
        raise PydanticCustomError("syntax_unknown", "This isn't the alias of a Pygments lexer, such as python or json")
    return syntax


def _url(url: str) -> str:
    try:
        return check_url(complete_url(url))
    except ValueError as error:
        raise PydanticCustomError("url_invalid", "{reason}", {"reason": str(error)}) from error


def _duration(value: Any) -> timedelta | str:
    return NEVER if value == NEVER else read_duration(value)


def _instant(value: Any) -> Any:
    # Pydantic reads a number in a string as seconds since 1970.
    if not isinstance(value, str) or not _DATE_AND_TIME.match(value):
        raise PydanticCustomError("instant_invalid", "Give a time with its offset, such as 2030-01-31T12:00:00Z")
    return value


Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_TITLE_LENGTH), AfterValidator(_title)]
Alias = Annotated[str, AfterValidator(_alias), Field(json_schema_extra={"pattern": f"^{ALIAS_PATTERN}$"})]
Syntax = Annotated[
    str,
    AfterValidator(_syntax),
    Field(description="Alias of a Pygments lexer, or `csv`, `tsv`, `ansi`.", examples=["python"]),
]
DetectedSyntax = Annotated[
    str | None,
    BeforeValidator(lambda found: found or None),
    Field(description="The language that was detected, soon after a paste without `syntax` was made. null: none yet."),
]
"""In answers. What was looked at in vain is no different to clients from what was not looked at."""
TargetUrl = Annotated[
    str,
    AfterValidator(_url),
    Field(
        description="An http or https URL. Spaces around it are removed; what begins with the name"
        " of a host that has a dot gets `https://`.",
        examples=["https://example.org/a/long/path"],
        json_schema_extra={"maxLength": MAX_URL_LENGTH, "pattern": _URL_PATTERN},
    ),
]
ExpiresIn = Annotated[
    timedelta | Literal["never"],
    BeforeValidator(_duration),
    WithJsonSchema({"anyOf": [*DURATION_SCHEMAS, {"const": NEVER}]}),
    Field(
        description="Lifetime from now: seconds, a duration such as `7d` or in ISO 8601, or for users `never`.",
        examples=["7d", "P7D"],
    ),
]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_instant),
    Field(description="When the entry expires.", examples=["2030-01-31T12:00:00Z"]),
]
Views = Annotated[
    int,
    Field(strict=True, ge=1, le=MAX_VIEWS, description="How many views until it is deleted. Default: unlimited."),
]
Text = Annotated[str, StringConstraints(min_length=1), Field(description="The text, stored byte for byte.")]


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


class PasteIn(_EntryIn):
    text: Text
    syntax: Syntax | None = None


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


class LinkIn(_EntryIn):
    model_config = ConfigDict(json_schema_extra=_document_url)

    original_url: TargetUrl

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
        text = None if self.text is None else self.text.encode()
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


_ABOUT_MANAGING = "Changes and deletes a guest's entry; returned only once. null: the entry belongs to an account."


class CreatedPasteOut(PasteOut):
    manage_token: str | None = Field(description=_ABOUT_MANAGING)


class CreatedLinkOut(LinkOut):
    manage_token: str | None = Field(description=_ABOUT_MANAGING)


EntryOut = Annotated[PasteOut | LinkOut, Field(discriminator="kind")]
