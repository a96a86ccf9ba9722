"""Rules for keys: which are well-formed, and which can have been drawn as a secret."""

import re

ALIAS_PATTERN = "[A-Za-z0-9_-]{3,64}"
ALIAS_RULE = "An alias has 3 to 64 letters, digits, hyphens or underscores."

_KEY = re.compile(ALIAS_PATTERN)
_LONG_KEY = re.compile("[1-9A-HJ-NP-Za-km-z]{11}")


def is_key(key: str) -> bool:
    """Whether an entry could have this key; anything else needs no look-up."""
    return _KEY.fullmatch(key) is not None


def is_long_key(key: str) -> bool:
    """Whether the key can have been drawn as a secret: 11 characters of base58. An alias may look like one, too."""
    return _LONG_KEY.fullmatch(key) is not None
