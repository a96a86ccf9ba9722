"""Forms of pages: read within limits, checked to be ours, turned into the same shapes that the JSON API takes."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, FormParser, parse_options_header

from main_service.entries.lifetimes import LifetimePolicy, in_words
from main_service.errors import BodyTooLargeError, FieldError, InvalidInputError
from main_service.problems import field_errors

Shape = TypeVar("Shape", bound=BaseModel)

MAX_FIELDS = 20
MAX_URLENCODED_BYTES = 64 * 1024
"""Enough for a form of short fields; decoding percent signs takes many times their size. Texts come as multipart."""

_LIFETIMES = {
    "PT10M": timedelta(minutes=10),
    "PT1H": timedelta(hours=1),
    "P1D": timedelta(days=1),
    "P7D": timedelta(days=7),
    "P30D": timedelta(days=30),
    "P90D": timedelta(days=90),
    "P365D": timedelta(days=365),
}


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form by name, line ends as LF. Files are not taken, and nothing but UTF-8.

    Raises:
        InvalidInputError: it can't be read.
        BodyTooLargeError: it is too large for its encoding.
    """
    media_type, parameters = parse_options_header(request.headers.get("content-type"))
    body = await request.body()
    try:
        if media_type == b"multipart/form-data":
            fields = _read_multipart(body, parameters.get(b"boundary", b""))
        elif media_type != b"application/x-www-form-urlencoded":
            raise InvalidInputError("This is not a form.")
        elif len(body) > MAX_URLENCODED_BYTES:
            raise BodyTooLargeError
        else:
            # Not the bytes: before Python 3.13 parse_qsl fails on what is not ASCII in them.
            fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except UnicodeDecodeError as error:
        raise InvalidInputError("The form is not in UTF-8.") from error
    except (ValueError, FormParserError) as error:
        raise InvalidInputError("The form can't be read.") from error
    if len(values := dict(fields)) < len(fields):
        raise InvalidInputError("The form can't be read.")
    return {name: value.replace("\r\n", "\n") for name, value in values.items()}


def _read_multipart(body: bytes, boundary: bytes) -> list[tuple[str, str]]:
    fields: list[tuple[str, str]] = []

    def take_field(field: Field) -> None:
        fields.append(((field.field_name or b"").decode(), (field.value or b"").decode()))
        if len(fields) > MAX_FIELDS:
            raise FormParserError("too many fields")

    def refuse_file(_: File) -> None:
        raise FormParserError("files are not taken")

    parser = FormParser("multipart/form-data", take_field, refuse_file, boundary=boundary)
    parser.write(body)
    parser.finalize()
    return fields


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
    return [(value, in_words(duration)) for value, duration in _LIFETIMES.items() if duration <= policy.longest]


def creation_lifetime_choices(policy: LifetimePolicy) -> list[tuple[str, str]]:
    """The same with the default, chosen by an empty value, in front."""
    return [("", f"{in_words(policy.default)} (default)"), *lifetime_choices(policy)]
