"""Addresses with a slash too many: the same without it is what was meant."""

from urllib.parse import quote

from fastapi import Request

from main_service.settings import Settings

_SAFE = "/%:@!$&'()*+,;=~?"
"""What stands for itself in an address; the rest was never meant to be read by a browser as anything but text."""


def without_slash(request: Request, settings: Settings) -> str | None:
    """The whole address, with its query, without the slash at its end; None: that slash is not what is wrong with it.

    It is made from `MAIN_PUBLIC_URL`. Where a part is empty, as in `//evil.example/`, it is None: what is left could be
    read as the address of another host.
    """
    raw: bytes = request.scope["raw_path"]
    parts = request.scope["path"].split("/")
    if len(parts) < 3 or parts[0] or parts[-1] or "" in parts[1:-1] or not raw.endswith(b"/"):
        return None
    query: bytes = request.scope["query_string"]
    return settings.public_url + quote(raw[:-1] + (b"?" + query if query else b""), safe=_SAFE)
