"""A Bloom filter: which bits stand for a key, and how many keys so many bits hold.

Bloom, "Space/time trade-offs in hash coding with allowable errors" (CACM 13, 1970). With m bits of which each of n keys
sets k, a key that was never added finds all of its bits set with a chance of (1 - e^(-kn/m))^k. When half of the bits
are set, at n = m ln 2 / k, that is 2^-k: 0.1 % for the 10 used here.

A filter of more bits than a string of Redis can hold is made of several strings, its parts: a key has all of its bits
in one of them. As keys are spread evenly, each part is a filter of its own for its share of the keys.

The k bits come from two numbers as h1 + i h2, which is as good as k hash functions (Kirsch and Mitzenmacher, "Less
Hashing, Same Performance", ESA 2006). Both are parts of one keyed BLAKE2b, so who does not know the secret can't make
keys that are found though they were never used. h2 is odd and m a power of two, so the
bits of a key are different ones.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from pydantic import SecretStr

from main_service.engines.signing import Signer, SigningLabel

BITS_PER_KEY = 10
FIRST_BIT = 8
"""The bits before it say something of the filter: `COMPLETE_BIT`, or of a part `COMPLETE_PART_BIT`, that it is
complete. The release before knows no parts: it adds each key to all of them, and never takes one for complete."""
COMPLETE_BIT = 0
COMPLETE_PART_BIT = 1
LARGEST_PART = 31
"""2^31 bits and the 8 before them. A string of Redis ends at bit 2^32 - 1, so 2^32 of them do not fit behind these."""
_GOLDEN_RATIO = 0x9E3779B1
"""Knuth, "The Art of Computer Programming", 6.4: multiplying with it spreads numbers evenly."""


@dataclass(frozen=True)
class KeyHash:
    first: int
    second: int

    @property
    def place(self) -> int:
        """A number of 16 bits that chooses the part of a filter."""
        return ((self.first ^ self.second >> 1) * _GOLDEN_RATIO & 0xFFFFFFFF) >> 16

    def bits(self, size: int) -> Iterator[int]:
        """The bits of the key in a filter of 2^`size` bits, or in its part of so many."""
        return (FIRST_BIT + (self.first + i * self.second) % (1 << size) for i in range(BITS_PER_KEY))


class KeyHasher:
    def __init__(self, secret: SecretStr) -> None:
        self._key = Signer(secret, SigningLabel.KEY_FILTER_KEY).sign()
        self.fingerprint = blake2b(key=self._key, digest_size=4).hexdigest()
        """Tells filters apart that were made with different secrets."""

    def hash(self, key: str) -> KeyHash:
        digest = blake2b(key.encode(), key=self._key, digest_size=8).digest()
        return KeyHash(int.from_bytes(digest[:4]), int.from_bytes(digest[4:]) | 1)


def length_bytes(size: int) -> int:
    """Of a filter of 2^`size` bits."""
    return (FIRST_BIT + (1 << size)) // 8


def capacity(size: int) -> int:
    """How many keys set half of the bits of a filter of 2^`size` bits."""
    return int((1 << size) * math.log(2) / BITS_PER_KEY)


def size_for(keys: int, *, largest: int) -> int:
    """The smallest size whose capacity is so many keys, or the largest that there may be."""
    return next((size for size in range(largest) if capacity(size) >= keys), largest)


def largest_size(most_bytes: int) -> int:
    """The size of the largest filter that takes so many bytes, the few that say something of it not counted."""
    return (most_bytes * 8).bit_length() - 1
