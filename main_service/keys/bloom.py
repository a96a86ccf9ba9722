"""A Bloom filter: which bits stand for a key, and how many keys so many bits hold.

Bloom, "Space/time trade-offs in hash coding with allowable errors" (CACM 13, 1970). With m bits of which each of n keys
sets k, a key that was never added finds all of its bits set with a chance of (1 - e^(-kn/m))^k. When half of the bits
are set, at n = m ln 2 / k, that is 2^-k: 0.1 % for the 10 used here.

A filter of more bits than a string of Redis can hold is made of several strings, its parts: a key has all of its bits
in one of them. As keys are spread evenly, each part is a filter of its own for its share of the keys.

The k bits come from two numbers as h1 + i h2, which is as good as k hash functions (Kirsch and Mitzenmacher, "Less
Hashing, Same Performance", ESA 2006). Both are parts of one keyed BLAKE2b: unused keys that the filter finds
can't be made without the secret. h2 is odd and m a power of two, so the bits of a key are different ones.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from pydantic import SecretStr

from main_service.engines.signing import Signer, SigningLabel

BITS_PER_KEY = 10
FIRST_BIT = 8
"""Where the bits of keys begin. Of those before it, `COMPLETE_BIT` says that the filter is complete, and
`COMPLETE_PART_BIT` that a part is: the previous release knows no parts, adds each key to all of them, and must not take
one for complete."""
COMPLETE_BIT = 0
COMPLETE_PART_BIT = 1
LARGEST_PART = 31
"""The size of the largest part, as a power of two. A string of Redis has at most 2^32 bits, of which 8 come first."""
_GOLDEN_RATIO = 0x9E3779B1
"""A multiplier that spreads numbers evenly (Knuth, "The Art of Computer Programming", 6.4)."""


@dataclass(frozen=True)
class KeyHash:
    """The two numbers from which the bits of a key are computed: h1 and h2."""

    first: int
    second: int

    @property
    def place(self) -> int:
        """A number of 16 bits; modulo the number of parts, it is the part of a filter that has the key."""
        return ((self.first ^ self.second >> 1) * _GOLDEN_RATIO & 0xFFFFFFFF) >> 16

    def bits(self, size: int) -> Iterator[int]:
        """The positions of the key's bits in a filter, or a part of one, of 2^`size` bits."""
        return (FIRST_BIT + (self.first + i * self.second) % (1 << size) for i in range(BITS_PER_KEY))


class KeyHasher:
    """Hashes keys with the secret of the settings."""

    def __init__(self, secret: SecretStr) -> None:
        self._key = Signer(secret, SigningLabel.KEY_FILTER_KEY).sign()
        self.fingerprint = blake2b(key=self._key, digest_size=4).hexdigest()
        """Differs between filters that were made with different secrets."""

    def hash(self, key: str) -> KeyHash:
        digest = blake2b(key.encode(), key=self._key, digest_size=8).digest()
        return KeyHash(int.from_bytes(digest[:4]), int.from_bytes(digest[4:]) | 1)


def length_bytes(size: int) -> int:
    """The length in Redis of a filter of 2^`size` bits."""
    return (FIRST_BIT + (1 << size)) // 8


def capacity(size: int) -> int:
    """How many keys set half of the bits of a filter of 2^`size` bits."""
    return int((1 << size) * math.log(2) / BITS_PER_KEY)


def size_for(keys: int, *, largest: int) -> int:
    """The smallest size with room for `keys` keys, but at most `largest`; sizes are powers of two."""
    return next((size for size in range(largest) if capacity(size) >= keys), largest)


def largest_size(most_bytes: int) -> int:
    """The size of the largest filter that takes `most_bytes`, not counting the byte before the bits of keys."""
    return (most_bytes * 8).bit_length() - 1
