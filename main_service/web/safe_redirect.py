"""Redirects that stay on this site: after signing in, to signing in, and to a URL without its trailing slash.

A short link does not count as on this site: it would lead on to any target.
"""

from urllib.parse import quote, unquote, urlsplit

from fastapi import Request

from main_service.settings import Settings

PROFILE = "/profile"
MAX_LENGTH = 2048

_PAGES = ("", "profile", "collections", "reports", "settings", "top")
_FOLDERS = ("profile", "collections", "reports", "settings", "c")
_OF_ENTRIES = ("edit", "manage", "stats")
"""Pages of an entry, after its key, that redirect nowhere. Others redirect to the entry, which may be a short link."""
_DECODINGS = 3
"""How often an address is decoded before it is checked, because proxies and browsers may decode it as well."""
_SAFE = "/%:@!$&'()*+,;=~?"
"""Characters that are not percent-encoded in a path and query; all others are, so that they stay text."""


def safe_redirect_target(address: str) -> str:
    """`address` if it is certainly a page of this site, with or without a query; else the path of the profile."""
    seen = address
    for _ in range(_DECODINGS):
        if not _is_own(seen):
            return PROFILE
        seen = unquote(seen)
    return address if _is_own(seen) and seen == unquote(seen) else PROFILE


def sign_in_address(request: Request) -> str:
    """The path and query of the sign-in page that leads back to the requested page."""
    path = request.scope["raw_path"].decode("ascii", "replace")
    if request.method in ("GET", "HEAD"):
        query = request.scope["query_string"].decode("ascii", "replace")
        page = f"{path}?{query}" if query else path
    else:
        # The typed data is lost, but this page has the form.
        page = "/" + path.split("/")[1]
    return f"/sign-in?next={quote(safe_redirect_target(page), safe='/')}"


def without_slash(request: Request, settings: Settings) -> str | None:
    """The URL of a request, query included, without the slash at its end; None: removing a slash does not help.

    It begins with `MAIN_PUBLIC_URL`. A path with an empty part, such as `//evil.example/`, gives None, because browsers
    could take the rest for another host.
    """
    raw: bytes = request.scope["raw_path"]
    parts = request.scope["path"].split("/")
    if len(parts) < 3 or parts[0] or parts[-1] or "" in parts[1:-1] or not raw.endswith(b"/"):
        return None
    query: bytes = request.scope["query_string"]
    return settings.public_url + quote(raw[:-1] + (b"?" + query if query else b""), safe=_SAFE)


def _is_own(address: str) -> bool:
    """Whether an address is a page of this site, as browsers read it: they take a backslash for a slash, and so on."""
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
    # Browsers resolve dots in paths, which may lead to another page.
    if {".", ".."} & {first, *others}:
        return False
    if not any(others):
        return first in _PAGES
    return first in _FOLDERS or others[0] in _OF_ENTRIES
