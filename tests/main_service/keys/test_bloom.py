"""The arithmetic of the membership filter."""

import secrets

from pydantic import SecretStr

from main_service.keys.bloom import (
    BITS_PER_KEY,
    FIRST_BIT,
    LARGEST_PART,
    KeyHasher,
    capacity,
    largest_size,
    length_bytes,
    size_for,
)
from tests.support.engines import SECRET

SIZE = 17
ASKED = 100_000
HIGHEST_RATE = 0.002


def test_full_filter_knows_all_its_keys_and_takes_few_others_for_known() -> None:
    hasher = KeyHasher(SecretStr(SECRET))
    keys = [f"key-{number}" for number in range(capacity(SIZE))]
    bits = {bit for key in keys for bit in hasher.hash(key).bits(SIZE)}

    assert 0.49 < len(bits) / (1 << SIZE) < 0.51
    assert all(bits.issuperset(hasher.hash(key).bits(SIZE)) for key in keys)
    mistaken = sum(bits.issuperset(hasher.hash(secrets.token_hex(8)).bits(SIZE)) for _ in range(ASKED))
    print(f"{mistaken / ASKED:.4%} of unknown keys")
    assert mistaken < ASKED * HIGHEST_RATE


def test_keys_leave_the_first_bits_alone_and_fit() -> None:
    hasher = KeyHasher(SecretStr(SECRET))
    for size in (10, 23, LARGEST_PART):
        bits = [set(hasher.hash(f"key-{number}").bits(size)) for number in range(2_000)]
        assert {len(each) for each in bits} == {BITS_PER_KEY}
        assert min(map(min, bits)) >= FIRST_BIT
        assert max(map(max, bits)) < length_bytes(size) * 8


def test_bits_are_unknown_without_the_secret() -> None:
    ours, theirs = KeyHasher(SecretStr(SECRET)), KeyHasher(SecretStr(SECRET[::-1]))

    assert ours.hash("key") == KeyHasher(SecretStr(SECRET)).hash("key")
    assert ours.hash("key") != theirs.hash("key")
    assert ours.fingerprint != theirs.fingerprint


def test_size_is_the_smallest_that_has_room() -> None:
    for keys in (1, 1_000, 580_000, 200_000_000):
        size = size_for(keys, largest=33)
        assert capacity(size - 1) < keys <= capacity(size)
    assert size_for(10_000_000_000, largest=33) == 33


def test_filter_takes_no_more_bytes_than_it_may() -> None:
    for most_bytes in (2**20, 2**20 + 1, 2**30 - 1, 2**30):
        size = largest_size(most_bytes)
        assert (1 << size) // 8 <= most_bytes < (1 << size + 1) // 8


def test_keys_are_spread_evenly_over_the_parts_of_a_filter_and_within_each() -> None:
    hasher, places, size = KeyHasher(SecretStr(SECRET)), 8, 17
    parts: list[set[int]] = [set() for _ in range(places)]
    for number in range(places * capacity(size)):
        hashed = hasher.hash(f"key-{number}")
        parts[hashed.place % places] |= set(hashed.bits(size))

    assert all(0.48 < len(bits) / (1 << size) < 0.52 for bits in parts)
    unknown = [hasher.hash(secrets.token_hex(8)) for _ in range(ASKED)]
    mistaken = sum(parts[hashed.place % places].issuperset(hashed.bits(size)) for hashed in unknown)
    assert mistaken < ASKED * HIGHEST_RATE
