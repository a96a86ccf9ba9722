"""What holds for every input of the parsers, not only for those that an author of tests thought of."""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic_core import Url

from main_service.entries.aliases import RESERVED_WORDS, is_key, is_reserved
from main_service.entries.errors import ManageTokenMissingError, ManageTokenWrongError
from main_service.entries.lifetimes import Lifetime, LifetimePolicy
from main_service.entries.permissions import ManageTokens
from main_service.entries.urls import MAX_URL_LENGTH, check_url, is_self_link, to_ascii
from main_service.errors import InvalidInputError
from main_service.settings import Settings
from main_service.web.durations import parse_duration
from tests.support.engines import SECRET

many = settings(max_examples=400, deadline=None, derandomize=True, database=None)
some = settings(many, max_examples=100)

ANY_CHARACTER = st.characters(exclude_categories=[])


# Durations and instants.

AMOUNTS = st.none() | st.integers(0, 999_999)


@many
@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS)
def test_duration_is_the_sum_of_its_parts(
    weeks: int | None, days: int | None, hours: int | None, minutes: int | None, seconds: int | None
) -> None:
    date = "".join(f"{amount}{unit}" for amount, unit in ((weeks, "W"), (days, "D")) if amount is not None)
    clock = [(hours, "H"), (minutes, "M"), (seconds, "S")]
    at = "".join(f"{amount}{unit}" for amount, unit in clock if amount is not None)
    total = timedelta(weeks=weeks or 0, days=days or 0, hours=hours or 0, minutes=minutes or 0, seconds=seconds or 0)
    text = f"P{date}{'T' if at else ''}{at}"

    if total:
        assert parse_duration(text) == total
    else:
        with pytest.raises(ValueError, match=r"duration|longer"):
            parse_duration(text)


@many
@given(
    st.text(ANY_CHARACTER)
    | st.from_regex(r"\A[-+]?P?([0-9.,]{0,12}[YMWD]){0,4}(T([0-9.,]{0,12}[HMS]){0,4})?\Z")
    | st.integers()
    | st.integers(-(10**500), 10**500)
)
def test_duration_is_above_zero_or_a_value_error(value: int | str) -> None:
    try:
        duration = parse_duration(value)
    except ValueError:
        assert isinstance(value, str) or not 0 < value < 10**10
    else:
        assert duration > timedelta(0)
        assert isinstance(value, str) or duration == timedelta(seconds=value)


@pytest.mark.parametrize(
    ("seconds", "reason"), [(0, "longer than zero"), (-(10**400), "longer than zero"), (10**400, "too long")]
)
def test_number_of_seconds_is_told_on_which_side_it_fails(seconds: int, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_duration(seconds)


NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = LifetimePolicy(default=timedelta(days=10), longest=timedelta(days=365), may_be_endless=False)
OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@many
@given(
    st.datetimes(timezones=OFFSETS).map(lambda instant: Lifetime(expires_at=instant))
    | st.timedeltas(min_value=timedelta(microseconds=1)).map(lambda duration: Lifetime(expires_in=duration))
)
@example(Lifetime(expires_at=datetime.max.replace(tzinfo=timezone(-timedelta(hours=23, minutes=59)))))
@example(Lifetime(expires_at=datetime.min.replace(tzinfo=timezone(timedelta(hours=23, minutes=59)))))
@example(Lifetime(expires_in=timedelta.max))
def test_end_lies_within_the_longest_lifetime_or_is_refused(lifetime: Lifetime) -> None:
    asked = lifetime.expires_in or (lifetime.expires_at or NOW) - NOW
    try:
        end = POLICY.expiry(lifetime, now=NOW)
    except InvalidInputError:
        assert not timedelta(0) < asked <= POLICY.longest
    else:
        assert (end - NOW, end.tzinfo) == (asked, UTC)


# Aliases and manage tokens.

KEY_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
KEYS = st.text(KEY_CHARACTERS, min_size=3, max_size=64)


@many
@given(KEYS | st.text(KEY_CHARACTERS, max_size=70) | st.text(ANY_CHARACTER, max_size=70))
@example("abc\n")
@example("\u212aey")
@example("\uff41bc")
@example("\u0661\u0662\u0663")
def test_alias_is_what_its_rule_says(alias: str) -> None:
    assert is_key(alias) == (3 <= len(alias) <= 64 and set(alias) <= set(KEY_CHARACTERS))
    if is_key(alias):
        assert quote(alias, safe="") == alias


@some
@given(st.sampled_from(sorted(RESERVED_WORDS)), st.randoms(use_true_random=False))
def test_reserved_word_is_reserved_in_any_case(word: str, random: Any) -> None:
    assert is_reserved("".join(random.choice((str.upper, str.lower))(letter) for letter in word))


TOKENS = ManageTokens(
    Settings(
        secret=SECRET,
        public_url="http://slipbin.test",
        database_url="postgresql+asyncpg://slipbin@localhost/slipbin",
        redis_url="redis://localhost",
        broker_url="redis://localhost",
        body_store_url="file:///nowhere",
    )
)


@many
@given(KEYS, KEYS, st.text(ANY_CHARACTER), st.integers(0, 42))
def test_only_the_token_of_a_key_opens_it(key: str, other_key: str, text: str, position: int) -> None:
    assume(key != other_key)
    token = TOKENS.token_for(key)

    TOKENS.check(key, token)
    assert re.fullmatch(r"[\w-]{43}", token, re.ASCII)
    changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
    for wrong in (changed, TOKENS.token_for(other_key), token[:-1], f"{token} ", token.swapcase(), f" {text}"):
        with pytest.raises(ManageTokenWrongError):
            TOKENS.check(key, wrong)
    # A claim makes another one.
    TOKENS.check(key, TOKENS.token_for(key, 1), 1)
    for old, generation in ((token, 1), (TOKENS.token_for(key, 1), 0), (TOKENS.token_for(key, 1), 2)):
        with pytest.raises(ManageTokenWrongError):
            TOKENS.check(key, old, generation)
    for missing in (None, ""):
        with pytest.raises(ManageTokenMissingError):
            TOKENS.check(key, missing)


# Addresses.

HOSTS = [
    "example.org", "EXAMPLE.org.", "b\u00fccher.example", "xn--bcher-kva.example", "127.1", "0x7f.1", "[::1]",
    "[::ffff:1.2.3.4]", "0", "\uff45xample\u3002org", "a_b.example", "192.0.2.1", "\U0001f98a.example",
    "-a-.example", "1.2.3.4.", "exam\u00adple.org", "\u0645\u062b\u0627\u0644.example", "any.localhost", "a..b",
    "localhost", "%65xample.org",
]  # fmt: skip
USERS = ["", "", "user@", "user:pass@", "\u00fc:\u00fc@", "a@b@"]
PORTS = ["", ":", ":80", ":443", ":8080"]
PATHS = ["", "/", "\\", "/../..", "/%", "/%zz", "/%00", "/\u202e", "/\U0001f98a", "/<>\"'`{}|^"]

URLS = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HTTPS://", "http:", "https:\\\\", "javascript://", "ht\ttp://", ""]),
    st.sampled_from(USERS) | st.text(ANY_CHARACTER, max_size=5),
    st.sampled_from(HOSTS) | st.text(ANY_CHARACTER, min_size=1, max_size=20),
    st.sampled_from([*PORTS, ":65536", ":-1", ":\u0661"]),
    st.sampled_from(PATHS),
    st.text(ANY_CHARACTER, max_size=20),
)
GOOD_URLS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["http://", "https://", "HtTpS://"]),
    st.sampled_from(USERS),
    st.sampled_from(HOSTS),
    st.sampled_from(PORTS),
    st.sampled_from([path for path in PATHS if "\u202e" not in path]),
)


@settings(many, max_examples=1500)
@given(URLS | GOOD_URLS | st.text(ANY_CHARACTER))
def test_accepted_address_is_sent_as_plain_printable_ascii_that_means_the_same(url: str) -> None:
    try:
        assert check_url(url) is url
    except ValueError:
        return
    sent = to_ascii(url)

    assert re.fullmatch(r"[!-~]+", sent)
    assert re.match(r"https?://[^/\\?#]", sent, re.IGNORECASE)
    assert len(sent) <= MAX_URL_LENGTH
    assert to_ascii(check_url(sent)) == sent
    assert str(Url(sent)) == str(Url(url))


@many
@given(GOOD_URLS, GOOD_URLS)
def test_site_of_an_address_does_not_depend_on_how_it_is_written(url: str, other: str) -> None:
    parsed = Url(check_url(url))
    host, port = parsed.host or "", parsed.port

    assert is_self_link(url, f"http://{host}:{port}")
    assert is_self_link(to_ascii(url), f"https://{host.upper()}:{port}")
    assert is_self_link(f"https://user:secret@{host}:{port}/?#", url)
    assert not is_self_link(url, f"http://{host}:{9999}")
    assert not is_self_link(url, f"http://another.test:{port}")
    assert is_self_link(url, other) == is_self_link(other, url)
