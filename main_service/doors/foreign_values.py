"""Lifetimes and languages as clients of other services give them.

What they send unasked must not end in a refusal: a lifetime that is too long is cut, and a language that we don't know
is looked for.
"""

import re
from datetime import UTC, datetime, timedelta

from main_service.doors.options import Values
from main_service.entries.lifetimes import Lifetime
from main_service.entries.syntaxes import is_syntax
from main_service.errors import FieldError, InvalidInputError
from main_service.web.durations import DURATION_RULE, parse_duration

_IN_WORDS = re.compile(r"(\d{1,5}) ?(minute|hour|day|week|month|year)s?", re.ASCII)
_MINUTES = {"minute": 1, "hour": 60, "day": 1440, "week": 7 * 1440, "month": 30 * 1440, "year": 365 * 1440}
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
_MAX_HOURS = 24 * 365 * 1000
_LAST_MILLISECONDS = 250_000_000_000_000
"""The last milliseconds that are read as a time, in the year 9892. Python has no dates after 9999."""
_NO_SYNTAX = "text"
"""The syntax that pastebinit and steck send where their users name none."""


def lifetime_in_words(written: str, *, field: str) -> Lifetime:
    """`1day`, `2 weeks`, or a duration as our API takes it. A month has 30 days, a year 365.

    Raises:
        InvalidInputError: it is none of these. `field`: where it was given.
    """
    match = _IN_WORDS.fullmatch(written.strip().lower())
    try:
        lifetime = timedelta(minutes=int(match[1]) * _MINUTES[match[2]]) if match else parse_duration(written.strip())
    except ValueError:
        raise _refusal(field) from None
    return _cut(lifetime, field=field)


def lifetime_in_hours(written: str, *, field: str) -> Lifetime:
    """A number of hours; from this moment on, one of milliseconds since 1970. Anything else as in words.

    Raises:
        InvalidInputError: it is none of these.
    """
    if not _NUMBER.fullmatch(written.strip()):
        return lifetime_in_words(written, field=field)
    number = int(written)
    if number < datetime.now(UTC).timestamp() * 1000:
        return _cut(timedelta(hours=min(number, _MAX_HOURS)), field=field)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=min(number, _LAST_MILLISECONDS))
    return Lifetime(expires_at=moment, is_cut=True)


def known_syntax(written: str) -> Values:
    """The field `syntax`; empty: their user has named none, or one that we don't know."""
    syntax = written.strip().lower()
    return {"syntax": syntax} if syntax != _NO_SYNTAX and is_syntax(syntax) else {}


def _cut(lifetime: timedelta, *, field: str) -> Lifetime:
    if lifetime <= timedelta(0):
        raise _refusal(field)
    return Lifetime(expires_in=lifetime, is_cut=True)


def _refusal(field: str) -> InvalidInputError:
    return InvalidInputError(fields=[FieldError(field, "duration_invalid", f"{DURATION_RULE}.")])
