"""Types of the values that an entry's fields have on the wire: what is accepted, and how it is documented."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from main_service.entries.aliases import ALIAS_PATTERN, ALIAS_RULE, is_key
from main_service.entries.syntaxes import is_syntax
from main_service.entries.urls import MAX_URL_LENGTH, TOO_LONG, check_url, complete_url
from main_service.web.durations import DURATION_SCHEMAS, read_duration

MAX_TITLE_LENGTH = 200
MAX_VIEWS = 1_000_000
NEVER = "never"


# Line ends, control characters, and controls that change the direction of writing: one that is not closed affects what
# follows the title, such as the rest of a browser's tab.
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
    # With the spaces around it, which the schema counts.
    if len(url) > MAX_URL_LENGTH:
        raise PydanticCustomError("url_invalid", TOO_LONG)
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
"""The language in answers. Clients can't tell a text in which nothing was found from one that was not looked at."""
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
