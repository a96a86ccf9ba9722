"""Which keys are well-formed, as functions. Random ones are in test_parsers.py."""

import pytest

from main_service.entries.aliases import is_key, is_long_key


@pytest.mark.parametrize("key", ["abc", "A-b_9", "---", "a" * 64, "0OIl"])
def test_alias_of_3_to_64_plain_characters_is_a_key(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize("key", ["", "ab", "a" * 65, "abc\n", " abc", "a.b", "a/b", "abc+", "\u00e4bc", "abc\0"])
def test_anything_else_is_none(key: str) -> None:
    assert not is_key(key)


def test_long_key_has_eleven_characters_that_can_be_drawn() -> None:
    assert is_long_key("abcdefghijk")
    assert is_long_key("11111111111")


@pytest.mark.parametrize(
    "key", ["abcdefghij", "abcdefghijkm", "0bcdefghijk", "Obcdefghijk", "Ibcdefghijk", "lbcdefghijk", "abcde-ghijk"]
)
def test_key_of_another_length_or_with_characters_that_look_alike_is_not_long(key: str) -> None:
    assert not is_long_key(key)
