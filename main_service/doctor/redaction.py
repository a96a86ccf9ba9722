"""Removes the secrets of the settings from a text, in case a library's message repeats them."""

import os
from urllib.parse import parse_qs, unquote, urlsplit

from main_service.monitoring.redaction import header_values

_SECRET_NAMES = ("SECRET", "TOKEN", "PASSWORD", "ACCESS_KEY", "KEY_ID")
_SHORTEST = 4


class Redaction:
    """Knows the secrets of this process's environment."""

    def __init__(self, *more: str) -> None:
        """`more`: secrets that do not stand in the environment."""
        found = {*more, *header_values(os.environ)}
        for name, value in os.environ.items():
            if any(part in name for part in _SECRET_NAMES) and not name.endswith("_FILE"):
                found.add(value)
            found |= _passwords_in(value)
        # The longest first: one may be a part of another.
        self._secrets = sorted((each for each in found if len(each) >= _SHORTEST), key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text without secrets, and without signs that could steer a terminal: servers choose some of the words."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return "".join(sign if sign.isprintable() or sign == "\n" else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _passwords_in(url: str) -> set[str]:
    if "://" not in url:
        return set()
    try:
        parts = urlsplit(url)
        found = {parts.password or "", *parse_qs(parts.query).get("password", [])}
    except ValueError:
        return set()
    return {form for password in found for form in (password, unquote(password)) if form}
