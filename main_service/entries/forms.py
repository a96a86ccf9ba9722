"""Forms of pages, turned into the same shapes that the JSON API takes."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from main_service.entries.lifetimes import LifetimePolicy, in_words
from main_service.entries.schemas import NEVER
from main_service.errors import FieldError, InvalidInputError
from main_service.problems import field_errors

Shape = TypeVar("Shape", bound=BaseModel)

_LIFETIMES = {
    "PT10M": timedelta(minutes=10),
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
    "P7D": timedelta(days=7),
    "P30D": timedelta(days=30),
    "P90D": timedelta(days=90),
    "P365D": timedelta(days=365),
}


def parse(shape: type[Shape], fields: Mapping[str, str]) -> Shape:
    """`fields` as `shape`; empty ones count as not given, `lifetime` as `expires_in`, digits in `views` as a number.

    Raises:
        InvalidInputError: with the names of the form's fields.
    """
    values: dict[str, str | int]
    values = {("expires_in" if name == "lifetime" else name): value for name, value in fields.items() if value}
    if re.fullmatch(r"\d{1,9}", views := fields.get("views", "").strip(), re.ASCII):
        values["views"] = int(views)
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise InvalidInputError(fields=field_errors(error.errors())) from error


def sentences(fields: tuple[FieldError, ...]) -> dict[str, str]:
    """What is wrong, by the form's field."""
    return {("lifetime" if f.field in ("expires_in", "expires_at") else f.field): f.message for f in fields}


def lifetime_choices(policy: LifetimePolicy) -> list[tuple[str, str]]:
    """Value and label of the lifetimes a form offers."""
    choices = [(value, in_words(duration)) for value, duration in _LIFETIMES.items() if duration <= policy.longest]
    return [*choices, (NEVER, "Never: until I delete it")] if policy.may_be_endless else choices


def creation_lifetime_choices(policy: LifetimePolicy) -> list[tuple[str, str]]:
    """The same with the default, chosen by an empty value, in front."""
    default = in_words(policy.default)
    return [("", f"{default} (default)"), *(choice for choice in lifetime_choices(policy) if choice[1] != default)]
