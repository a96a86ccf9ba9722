"""How people name an entry: by its key, or by a link to it or one of its pages."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from slipbin_client.configuration import to_site
from slipbin_client.errors import ClientError, ExitCode

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LINK_WITHOUT_SCHEME = re.compile(r"[^/:]+[.:][^/]*/.")


@dataclass(frozen=True)
class EntryName:
    """`site`: None if only the key was given."""

    key: str
    site: str | None = None


def read_name(given: str) -> EntryName:
    """Read a key or a link such as `https://paste.example.org/KEY`, also `…/KEY/raw`, `…/KEY.py` and `…/KEY+`, and
    without `https://`.

    Raises:
        ClientError: it is neither.
    """
    if "://" in given:
        site, path = to_site(given), urlsplit(given).path
    elif _LINK_WITHOUT_SCHEME.match(given):
        site, path = to_site(given), urlsplit(f"//{given}").path
    else:
        site, path = None, given
    key = re.split(r"[/.+?#]", unquote(path).removeprefix("/"), maxsplit=1)[0]
    if not _KEY.fullmatch(key):
        raise ClientError(f"This is neither a key nor a link to an entry: {given}", ExitCode.USAGE)
    return EntryName(key, site)
