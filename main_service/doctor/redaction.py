"""Takes out of a text whatever is secret in the settings, should a library's message repeat it."""

import os
from urllib.parse import unquote, urlsplit

_SECRET_NAMES = ("SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY", "KEY_ID")
_SHORTEST = 4


class Redaction:
    """Knows the secrets of this process's environment."""

    def __init__(self, *more: str) -> None:
        """`more`: secrets that do not stand in the environment."""
        found = set(more)
        for name, value in os.environ.items():
            if any(part in name for part in _SECRET_NAMES) and not name.endswith("_FILE"):
                found.add(value)
            found |= _passwords_in(value)
        # The longest first: one may be a part of another.
        self._secrets = sorted((each for each in found if len(each) >= _SHORTEST), key=len, reverse=True)

    def clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _passwords_in(url: str) -> set[str]:
    if "://" not in url or "@" not in url:
        return set()
    try:
        password = urlsplit(url).password
    except ValueError:
        return set()
    return {password, unquote(password)} if password else set()
