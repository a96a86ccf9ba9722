"""URLs that links may lead to: completing, checking, converting to ASCII, and telling self links."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from pydantic_core import Url

MAX_URL_LENGTH = 8192
TOO_LONG = f"The URL can have at most {MAX_URL_LENGTH} characters as it is sent"
URL_RULE = "The URL must start with http:// or https:// and have a host"

# URL parsers drop tabs and line ends silently and read `http:/x` or `http:\\x` as `http://x`, so what a browser would
# make of the URL is only certain when it is refused before parsing. `\s` is white space of every script; marks that
# turn the direction of writing, which RFC 3987 forbids too, would let a URL read as another one.
_FORBIDDEN = re.compile(r"[\s\x00-\x20\x7f-\xa0\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_START = re.compile(r"https?://[^/\\?#]", re.IGNORECASE)

_ZERO_WIDTH = "\u200b\ufeff"
# Without user name and port, as it is unknown whether that port speaks TLS. Letters, digits and hyphens only.
_LABEL = r"[^\s\x00-\x2c\x2e\x2f\x3a-\x40\x5b-\x60\x7b-\xa0]+"
# The last label of an IPv4 address is a number. An address by number hardly ever has a certificate.
_NAMED_HOST = re.compile(rf"(?://)?(?:{_LABEL}\.)+(?!\d){_LABEL}\.?(?=[/?#]|$)")

_HTTP_PORT, _HTTPS_PORT = 80, 443
_THIS_MACHINE = "localhost"


def complete_url(text: str) -> str:
    """Complete a URL as people paste it. The result is kept if `check_url` accepts it.

    White space around it is dropped. What begins with the name of a host that has a dot, `wikipedia.org/x`, gets `https://`;
    `localhost:3000`, `1.2.3.4/x`, `example.org:8080` and `mailto:x@y.example` stay what they are, which is refused.
    """
    url = text.strip().strip(_ZERO_WIDTH).strip()
    if len(url) > MAX_URL_LENGTH or not _NAMED_HOST.match(url):
        return url
    return f"https:{url}" if url.startswith("//") else f"https://{url}"


def check_url(url: str) -> str:
    """Check a URL and return it unchanged.

    Raises:
        ValueError: it is no http or https URL that a browser can open.
    """
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(TOO_LONG)
    if not _START.match(url):
        raise ValueError(URL_RULE)
    if _FORBIDDEN.search(url):
        raise ValueError("The URL can't contain spaces or control characters; write a space as %20")
    try:
        parsed = Url(url)
    except ValueError as error:
        raise ValueError("A browser couldn't open this URL") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(URL_RULE)
    if len(to_ascii(url)) > MAX_URL_LENGTH:
        raise ValueError(TOO_LONG)
    return url


def to_ascii(url: str) -> str:
    """The URL as it is sent: unchanged if it is ASCII, else with punycode and percent-encoding (WHATWG URL)."""
    return url if url.isascii() else str(Url(url))


def decoded_host(url: str) -> str | None:
    """The host decoded from punycode; None: it has no punycode."""
    parsed = Url(url)
    letters = parsed.unicode_host()
    return letters if letters != parsed.host else None


def is_self_link(url: str, public_url: str) -> bool:
    """Whether a URL that `check_url` accepts leads to the service at `public_url`, however host and port are written.

    http and https of a host are one site, and so are all names and addresses of this machine itself.
    """
    return _site(url) == _own_site(public_url)


@lru_cache(maxsize=1)
def _own_site(public_url: str) -> tuple[str, int | None]:
    return _site(public_url)


def _site(url: str) -> tuple[str, int | None]:
    """Host and port, each in one spelling of all that mean the same site."""
    parsed = Url(url)
    return _plain_host(parsed.host or ""), _HTTP_PORT if parsed.port == _HTTPS_PORT else parsed.port


def _plain_host(host: str) -> str:
    """One spelling of a host.

    `host` comes from the parser: in lower case and punycode, and `127.1` or `0x7f000001` is `127.0.0.1` already.
    """
    name = host.rstrip(".")
    if name == _THIS_MACHINE or name.endswith(f".{_THIS_MACHINE}"):
        return _THIS_MACHINE
    if name[-1:].isalpha():
        # No IP address ends in a letter, unless it is in brackets; parsing costs more than all the rest.
        return name
    try:
        address: IPv4Address | IPv6Address = ip_address(name.strip("[]"))
    except ValueError:
        return name
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    # 0.0.0.0 and [::] are not hosts, but systems connect to themselves at these addresses.
    return _THIS_MACHINE if address.is_loopback or address.is_unspecified else str(address)
