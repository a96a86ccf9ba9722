"""What a request line and `Accept` ask for, remembered as parsed: the same few come again and again."""

import re
from dataclasses import dataclass
from functools import lru_cache

from main_service.entries.aliases import ALIAS_PATTERN, is_reserved
from main_service.http_server.client_limits import QUERY_FIELDS
from main_service.web.negotiation import names_html

_ENTRY_PATH = re.compile(rf"/({ALIAS_PATTERN})(/(?:raw)?)?(?:\?.*)?".encode())
"""The path of a link, with or without a slash at its end, or of a raw text; and a query, which is ignored."""
_OFTEN_SEEN = 4096
OFTEN_SEEN_LENGTH = 80
"""How many paths are remembered as parsed, and up to what length in bytes: 2 MB or less."""
_LONGEST_ACCEPT = 250
"""The length of the longest `Accept` that is remembered as parsed; 1 MB or less for all."""


@dataclass(frozen=True, slots=True)
class EntryPath:
    """A path that may be that of an entry, parsed."""

    key: str
    wants_text: bool
    may_be_page: bool
    """Nothing follows the key: a query may ask for another view."""


def parse_path(path: bytes) -> EntryPath | None:
    """None: there can be no entry at this path, or the request is refused for its query."""
    if len(path) > QUERY_FIELDS and path.count(b"&") >= QUERY_FIELDS:
        return None
    match = _ENTRY_PATH.fullmatch(path)
    if match is None or is_reserved(key := match[1].decode()):
        return None
    return EntryPath(key, match[2] == b"/raw", match.end(1) == len(path))


remembered_path = lru_cache(_OFTEN_SEEN)(parse_path)
"""The same, for paths of at most `OFTEN_SEEN_LENGTH`."""


def _names_html(accept: bytes) -> bool:
    return names_html(accept.decode("latin-1"))


_remembered_names_html = lru_cache(_OFTEN_SEEN)(_names_html)


def asks_for_page(accept: bytes) -> bool:
    """Whether FastAPI would answer this `Accept` with a page."""
    return _remembered_names_html(accept) if len(accept) <= _LONGEST_ACCEPT else _names_html(accept)
