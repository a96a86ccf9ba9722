"""How long entries live, as functions."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest

from main_service.entries.lifetimes import Lifetime, LifetimePolicies, LifetimePolicy, in_words
from main_service.errors import InvalidInputError

NOW = datetime(2026, 2, 28, 12, tzinfo=UTC)
GUEST = LifetimePolicy(default=timedelta(days=10), longest=timedelta(days=30), may_be_endless=False)
USER = LifetimePolicy(default=timedelta(days=30), longest=timedelta(days=365), may_be_endless=True)


def refusal(policy: LifetimePolicy, lifetime: Lifetime) -> tuple[str, str]:
    """Field and code of what is wrong with a lifetime."""
    with pytest.raises(InvalidInputError) as error:
        policy.expiry(lifetime, now=NOW)
    (field,) = error.value.fields
    return field.field, field.code


def test_without_a_wish_it_is_the_default() -> None:
    assert GUEST.expiry(Lifetime(), now=NOW) == NOW + timedelta(days=10)
    assert USER.expiry(Lifetime(), now=NOW) == NOW + timedelta(days=30)


def test_duration_counts_from_now_and_an_instant_is_itself_in_utc() -> None:
    at = datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=2)))

    assert GUEST.expiry(Lifetime(expires_in=timedelta(seconds=1)), now=NOW) == NOW + timedelta(seconds=1)
    expiry = GUEST.expiry(Lifetime(expires_at=at), now=NOW)
    assert expiry == at
    assert expiry.tzinfo is UTC


def test_longest_is_allowed_and_a_second_more_is_not() -> None:
    longest, more = GUEST.longest, GUEST.longest + timedelta(seconds=1)

    assert GUEST.expiry(Lifetime(expires_in=longest), now=NOW) == NOW + longest
    assert GUEST.expiry(Lifetime(expires_at=NOW + longest), now=NOW) == NOW + longest
    assert refusal(GUEST, Lifetime(expires_in=more)) == ("expires_in", "expiry_too_far")
    assert refusal(GUEST, Lifetime(expires_at=NOW + more)) == ("expires_at", "expiry_too_far")


def test_end_must_be_in_the_future() -> None:
    assert refusal(GUEST, Lifetime(expires_at=NOW)) == ("expires_at", "expiry_past")
    assert refusal(GUEST, Lifetime(expires_in=timedelta(seconds=-1))) == ("expires_in", "expiry_past")


def test_only_users_have_endless_entries() -> None:
    assert USER.expiry(Lifetime(is_endless=True), now=NOW) is None
    assert refusal(GUEST, Lifetime(is_endless=True)) == ("expires_in", "endless_for_users")


def test_owner_decides_which_policy_applies() -> None:
    policies = LifetimePolicies(guest=GUEST, user=USER)

    assert policies.of(None) is GUEST
    assert policies.of(uuid4()) is USER


@pytest.mark.parametrize(
    ("lifetime", "is_given"),
    [
        (Lifetime(), False),
        (Lifetime(is_endless=True), True),
        (Lifetime(expires_in=timedelta(0)), True),
        (Lifetime(expires_at=NOW), True),
    ],
)
def test_lifetime_knows_whether_it_was_asked_for(lifetime: Lifetime, is_given: bool) -> None:
    assert lifetime.is_given == is_given


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(days=7), "7 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(seconds=61), "61 seconds"),
        (timedelta(0), "0 seconds"),
    ],
)
def test_duration_is_said_in_the_largest_unit_that_divides_it(duration: timedelta, words: str) -> None:
    assert in_words(duration) == words
