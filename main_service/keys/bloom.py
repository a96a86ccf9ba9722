"""A Bloom filter: which bits stand for a key, and how many keys so many bits hold.

Bloom, "Space/time trade-offs in hash coding with allowable errors" (CACM 13, 1970). With m bits of which each of n keys
sets k, a key that was never added finds all of its bits set with a chance of (1 - e^(-kn/m))^k. When half of the bits
are set, at n = m ln 2 / k, that is 2^-k: 0.1 % for the 10 used here.

The k bits come from two numbers as h1 + i h2, which is as good as k hash functions (Kirsch and Mitzenmacher, "Less
Hashing, Same Performance", ESA 2006). Both are parts of one keyed BLAKE2b, so who does not know the secret can't make
keys that are found though they were never used. h2 is odd and m a power of two, so the
bits of a key are different ones.
"""

import hmac
import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b, sha256

BITS_PER_KEY = 10
FIRST_BIT = 8
"""The bits before it say something of the filter: bit 0, that it is complete."""
LARGEST_SIZE = 32
"""A string of Redis holds 2^32 bits; 300 million keys."""


@dataclass(frozen=True)
class KeyHash:
    first: int
    second: int

    def bits(self, size: int) -> Iterator[int]:
        """The bits of the key in a filter of 2^`size` bits."""
        return (FIRST_BIT + (self.first + i * self.second) % (1 << size) for i in range(BITS_PER_KEY))


class KeyHasher:
    def __init__(self, secret: str) -> None:
        self._secret = hmac.digest(secret.encode(), b"known keys", sha256)
        self.fingerprint = blake2b(key=self._secret, digest_size=4).hexdigest()
        """Tells filters apart that were made with different secrets."""

    def hash(self, key: str) -> KeyHash:
        digest = blake2b(key.encode(), key=self._secret, digest_size=8).digest()
        return KeyHash(int.from_bytes(digest[:4]), int.from_bytes(digest[4:]) | 1)


def length_bytes(size: int) -> int:
    """Of a filter of 2^`size` bits."""
    return (FIRST_BIT + (1 << size)) // 8


def capacity(size: int) -> int:
    """How many keys set half of the bits of a filter of 2^`size` bits."""
    return int((1 << size) * math.log(2) / BITS_PER_KEY)


def size_for(keys: int) -> int:
    """The smallest size whose capacity is so many keys, or the largest that there is."""
    return next((size for size in range(LARGEST_SIZE) if capacity(size) >= keys), LARGEST_SIZE)
