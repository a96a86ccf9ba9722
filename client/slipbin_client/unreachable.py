"""Why a site can't be reached, in words."""

import re
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

_ERRNO = re.compile(r"^\[Errno -?\d+\] ")


def why_unreachable(site: str, error: Exception) -> str:
    """A sentence that names the site, and what may be between."""
    why = "it took too long to answer" if isinstance(error, httpx.TimeoutException) else _ERRNO.sub("", str(error))
    if "WRONG_VERSION_NUMBER" in why:
        why = f"it doesn't speak https there. Is it {site.replace('https', 'http', 1)} ?"
    return f"{site} can't be reached{_through_proxy(site)}: {why or type(error).__name__}"


def _through_proxy(site: str) -> str:
    """The proxy that the environment names for a site, without its password; empty: none."""
    parts = urlsplit(site)
    proxies = getproxies()
    given = proxies.get(parts.scheme) or proxies.get("all")
    if not given or proxy_bypass(parts.netloc):
        return ""
    return f" through the proxy {given.rpartition('@')[2].rpartition('//')[2]}"
