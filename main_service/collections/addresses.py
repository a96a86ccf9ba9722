"""Entries as people name them: by their keys, or by addresses of this service."""

import re


def keys_in(text: str, public_url: str) -> list[str]:
    """What a text names, with white space or commas between: keys, alone or in addresses.

    A word that is neither comes back as it is, and is no key.
    """
    host = re.escape(public_url.partition("://")[2])
    own_address = re.compile(rf"(?:https?://)?{host}/([^/+?#]+)", re.IGNORECASE)
    words = [word for word in re.split(r"[\s,]+", text) if word]
    return [found[1] if (found := own_address.match(word)) else word for word in words]
