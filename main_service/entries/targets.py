"""Where a link may lead, and how its address is sent."""

import re

from pydantic_core import Url

MAX_URL_LENGTH = 8192
TOO_LONG = f"An address may have at most {MAX_URL_LENGTH} characters, counted as it is sent"
URL_RULE = "An address must start with http:// or https:// and name a host"

# URL parsers drop tabs and line ends silently and read `http:/x` or `http:\\x` as `http://x`, so what a browser would
# make of the address is only certain when it is refused before parsing.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff]")
_START = re.compile(r"https?://[^/\\?#]", re.IGNORECASE)


def check_url(url: str) -> str:
    """The URL unchanged.

    Raises:
        ValueError: it is not an http or https address that a browser could open.
    """
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(TOO_LONG)
    if not _START.match(url):
        raise ValueError(URL_RULE)
    if _FORBIDDEN.search(url):
        raise ValueError("An address may not hold white space or control characters; write a space as %20")
    try:
        parsed = Url(url)
    except ValueError as error:
        raise ValueError("This is not an address that a browser could open") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(URL_RULE)
    if len(to_ascii(url)) > MAX_URL_LENGTH:
        raise ValueError(TOO_LONG)
    return url


def to_ascii(url: str) -> str:
    """The URL as it is sent: as given while that is ASCII, else with punycode and percent-encoding (WHATWG URL)."""
    return url if url.isascii() else str(Url(url))
