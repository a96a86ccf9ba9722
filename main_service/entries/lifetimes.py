"""Lifetimes of entries: what a client asks for, and the expiry that follows from it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from main_service.errors import FieldError, InvalidInputError


@dataclass(frozen=True)
class Lifetime:
    """The lifetime that a client asks for: until an instant, for a duration, endless, or none of them (the default)."""

    expires_at: datetime | None = None
    expires_in: timedelta | None = None
    is_endless: bool = False
    is_cut: bool = False
    """Whether it is shortened where it is longer than allowed, and not refused."""

    @property
    def is_given(self) -> bool:
        return self.is_endless or self.expires_at is not None or self.expires_in is not None


@dataclass(frozen=True)
class LifetimePolicy:
    default: timedelta
    longest: timedelta
    may_be_endless: bool

    def expiry(self, lifetime: Lifetime, *, now: datetime) -> datetime | None:
        """When an entry expires that is created or changed `now`; None: never.

        Raises:
            InvalidInputError: that is in the past or later than `longest` from now, or endless is not allowed.
        """
        if lifetime.is_endless:
            if not self.may_be_endless:
                message = "Sign in to create entries that never expire."
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
            if lifetime.is_cut:
                return (now + self.longest).astimezone(UTC)
            message = f"The longest lifetime is {in_words(self.longest)}."
            raise InvalidInputError(fields=[FieldError(field, "expiry_too_far", message)])
        return (now + remaining).astimezone(UTC)


@dataclass(frozen=True)
class LifetimePolicies:
    """The policies for entries of guests and for those of users."""

    guest: LifetimePolicy
    user: LifetimePolicy

    def of(self, owner_id: UUID | None) -> LifetimePolicy:
        return self.guest if owner_id is None else self.user


def in_words(duration: timedelta) -> str:
    """A duration in words, in the largest unit that divides it: `10 minutes`, `7 days`."""
    seconds = int(duration.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds and seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"
