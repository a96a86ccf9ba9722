"""Where signing in leads to: a page of ours, whatever an address says.

A short link is none: it would lead on to wherever somebody wants.
"""

from urllib.parse import quote, unquote, urlsplit

from fastapi import Request

PROFILE = "/profile"
MAX_LENGTH = 2048

_PAGES = ("", "profile", "collections", "reports", "settings")
_FOLDERS = ("profile", "collections", "reports", "settings", "c")
_OF_ENTRIES = ("manage", "stats")
"""What follows the key of an entry, and leads nowhere else. The others lead to the entry, which may be a short link."""
_DECODINGS = 3
"""So often an address is decoded before it is judged, for whatever stands between us and the browser does it too."""


def own_page(address: str) -> str:
    """`address` if it is surely a page of this site, with or without a query; else the profile."""
    seen = address
    for _ in range(_DECODINGS):
        if not _is_own(seen):
            return PROFILE
        seen = unquote(seen)
    return address if _is_own(seen) and seen == unquote(seen) else PROFILE


def sign_in_address(request: Request) -> str:
    """Where to sign in for the page that was asked for, and come back to it."""
    path = request.scope["raw_path"].decode("ascii", "replace")
    if request.method in ("GET", "HEAD"):
        query = request.scope["query_string"].decode("ascii", "replace")
        page = f"{path}?{query}" if query else path
    else:
        # What was sent is gone; its form is on this page.
        page = "/" + path.split("/")[1]
    return f"/sign-in?next={quote(own_page(page), safe='/')}"


def _is_own(address: str) -> bool:
    """Browsers take a backslash for a slash and leave out tabs and line ends."""
    if len(address) > MAX_LENGTH or not address.isprintable() or "\\" in address:
        return False
    if not address.startswith("/") or address.startswith("//"):
        return False
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    if parts.scheme or parts.netloc:
        return False
    first, *others = parts.path.split("/")[1:]
    # A browser takes dots out, and what is left may be another address.
    if {".", ".."} & {first, *others}:
        return False
    if not any(others):
        return first in _PAGES
    return first in _FOLDERS or others[0] in _OF_ENTRIES
