"""How long an entry lives: durations as people write them, and the expiry that follows."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from main_service.errors import FieldError, InvalidInputError

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
"""The same for OpenAPI, which knows no names of groups."""
_CALENDAR_DURATION = re.compile(r"P(?:(?P<years>\d{1,4})Y)?(?:(?P<months>\d{1,4})M)?", re.ASCII)
_DAYS_OF_YEAR, _DAYS_OF_MONTH = 365, 30
_MOST_SECONDS = 10**10

DURATION_RULE = "Give seconds as a whole number, or a duration such as 12h, 7d, PT12H or P7D"


def parse_duration(value: int | str) -> timedelta:
    """A lifetime as people write it.

    `value`: seconds; or weeks, days, hours, minutes and seconds in ISO 8601 (`P1DT12H`) or short (`1d12h`).

    Raises:
        ValueError: it is none of these, or not above zero.
    """
    if isinstance(value, str):
        match = _ISO_DURATION.fullmatch(value) or _SHORT_DURATION.fullmatch(value)
        if match is None:
            raise ValueError(_calendar_advice(value) or DURATION_RULE)
        duration = timedelta(**{unit: int(amount) for unit, amount in match.groupdict().items() if amount})
    elif value >= _MOST_SECONDS:
        raise ValueError("This lifetime is too long")
    else:
        duration = timedelta(seconds=max(value, 0))
    if duration <= timedelta(0):
        raise ValueError("A lifetime must be longer than zero")
    return duration


def _calendar_advice(value: str) -> str | None:
    """What to say instead of `P1M` or `P1Y`; None for anything else."""
    match = _CALENDAR_DURATION.fullmatch(value)
    if match is None or not any(match.groups()):
        return None
    years, months = (int(amount or 0) for amount in match.groups())
    units = "months" if not years else "years" if not months else "years and months"
    return f"{units.capitalize()} differ in length; say P{years * _DAYS_OF_YEAR + months * _DAYS_OF_MONTH}D"


@dataclass(frozen=True)
class Lifetime:
    """What was asked for: an instant, a duration from now, no end, or none of them (the default); never two."""

    expires_at: datetime | None = None
    expires_in: timedelta | None = None
    is_endless: bool = False

    @property
    def is_given(self) -> bool:
        return self.is_endless or self.expires_at is not None or self.expires_in is not None


@dataclass(frozen=True)
class LifetimePolicy:
    default: timedelta
    longest: timedelta
    may_be_endless: bool

    def expiry(self, lifetime: Lifetime, *, now: datetime) -> datetime | None:
        """When an entry ends that is made or changed `now`; None: never.

        Raises:
            InvalidInputError: the end is past or further away than `longest`, or there is none and must be one.
        """
        if lifetime.is_endless:
            if not self.may_be_endless:
                message = "Only entries of users may live for ever; sign in for it."
                raise InvalidInputError(fields=[FieldError("expires_in", "endless_for_users", message)])
            return None
        if lifetime.expires_at is not None:
            remaining = lifetime.expires_at - now
            field = "expires_at"
        else:
            remaining = lifetime.expires_in or self.default
            field = "expires_in"
        if remaining <= timedelta(0):
            raise InvalidInputError(fields=[FieldError(field, "expiry_past", "This is in the past.")])
        if remaining > self.longest:
            message = f"The longest lifetime is {in_words(self.longest)}."
            raise InvalidInputError(fields=[FieldError(field, "expiry_too_far", message)])
        return (now + remaining).astimezone(UTC)


@dataclass(frozen=True)
class LifetimePolicies:
    """One for entries of guests, one for those of users."""

    guest: LifetimePolicy
    user: LifetimePolicy

    def of(self, owner_id: UUID | None) -> LifetimePolicy:
        return self.guest if owner_id is None else self.user


def in_words(duration: timedelta) -> str:
    """A duration for people, in the largest unit that divides it: `10 minutes`, `7 days`."""
    seconds = int(duration.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"
