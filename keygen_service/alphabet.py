"""Draws random keys in base58."""

import secrets

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""Base58: letters and digits without `0`, `O`, `I` and `l`, which look alike in print."""

# A random byte below the largest multiple of 58 picks a letter by its remainder; larger ones are discarded, because
# they would make some letters more likely (rejection sampling). `bytes.translate` does both at once.
_FAIR_LIMIT = 256 - 256 % len(ALPHABET)
_LETTER_OF_BYTE = bytes(ord(ALPHABET[byte % len(ALPHABET)]) for byte in range(256))
_UNFAIR_BYTES = bytes(range(_FAIR_LIMIT, 256))


def draw_keys(count: int, *, length: int) -> list[str]:
    """Exactly `count` keys of `length` letters from the system's secure random source; repeats are possible."""
    letters = ""
    needed = count * length
    while len(letters) < needed:
        random_bytes = secrets.token_bytes(needed - len(letters))
        letters += random_bytes.translate(_LETTER_OF_BYTE, _UNFAIR_BYTES).decode("ascii")
    return [letters[start : start + length] for start in range(0, needed, length)]
