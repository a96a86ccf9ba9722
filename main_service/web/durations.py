"""Durations as people write them: `7d`, `P7D`, or seconds."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

# Weeks, days, hours, minutes and seconds of ISO 8601; years and months have no fixed length.
_ISO_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,8})H)?(?:(?P<minutes>\d{1,10})M)?(?:(?P<seconds>\d{1,10})S)?)?",
    re.ASCII,
)
# `7d`, `12h`, `1d12h30m`; digits alone are seconds.
_SHORT_DURATION = re.compile(
    r"(?=\d)(?:(?P<weeks>\d{1,6})w)?(?:(?P<days>\d{1,6})d)?(?:(?P<hours>\d{1,8})h)?(?:(?P<minutes>\d{1,10})m)?"
    r"(?:(?P<seconds>\d{1,10})s?)?",
    re.ASCII,
)
SHORT_DURATION_PATTERN = r"^([0-9]{1,6}w)?([0-9]{1,6}d)?([0-9]{1,8}h)?([0-9]{1,10}m)?([0-9]{1,10}s?)?$"
"""The pattern for OpenAPI, whose regular expressions have no named groups."""
_CALENDAR_DURATION = re.compile(r"P(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,4})M)?", re.ASCII)
_DAYS_OF_YEAR, _DAYS_OF_MONTH = 365, 30
_MAX_SECONDS = 10**10

DURATION_RULE = "Give seconds as a whole number, or a duration such as 12h, 7d, PT12H or P7D"


def parse_duration(value: int | str) -> timedelta:
    """Parse a duration as people write it.

    `value`: seconds; or weeks, days, hours, minutes and seconds in ISO 8601 (`P1DT12H`) or short (`1d12h`).

    Raises:
        ValueError: it is none of these, or not above zero.
    """
    if isinstance(value, str):
        match = _ISO_DURATION.fullmatch(value) or _SHORT_DURATION.fullmatch(value)
        if match is None:
            raise ValueError(_calendar_advice(value) or DURATION_RULE)
        duration = timedelta(**{unit: int(amount) for unit, amount in match.groupdict().items() if amount})
    elif value >= _MAX_SECONDS:
        raise ValueError("This lifetime is too long")
    else:
        duration = timedelta(seconds=max(value, 0))
    if duration <= timedelta(0):
        raise ValueError("The lifetime must be longer than zero")
    return duration


def _calendar_advice(value: str) -> str | None:
    """The hint for `P1M` and `P1Y`, which have no fixed length; None for any other text."""
    match = _CALENDAR_DURATION.fullmatch(value)
    if match is None or not any(match.groups()):
        return None
    years, months = (int(amount or 0) for amount in match.groups())
    units = "months" if not years else "years" if not months else "years and months"
    return f"{units.capitalize()} differ in length; say P{years * _DAYS_OF_YEAR + months * _DAYS_OF_MONTH}D"


def read_duration(value: Any) -> timedelta:
    """Validate a field of a request as a duration, for pydantic."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("duration_invalid", DURATION_RULE)
    try:
        return parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("duration_invalid", "{reason}", {"reason": str(error)}) from error


DURATION_SCHEMAS = [
    {"type": "integer", "minimum": 1},
    {"type": "string", "format": "duration"},
    {"type": "string", "pattern": SHORT_DURATION_PATTERN},
]
Duration = Annotated[timedelta, BeforeValidator(read_duration), WithJsonSchema({"anyOf": DURATION_SCHEMAS})]
