"""Which kind of client sends a request: a browser that wants a page, a program, a link preview, or a prefetch."""

import re

from starlette.datastructures import Headers

from main_service.compression.encodings import weight
from main_service.web.user_agents import is_previewer

_PAGE_TYPES = ("text/html", "application/xhtml+xml")
_PROGRAM_TYPES = ("text/plain", "application/problem+json", "application/json")
"""The other types that are sent. JSON stands for problem+json, too, which few programs name."""


def wants_html(headers: Headers) -> bool:
    """Whether `Accept` names HTML and prefers no other type that we send."""
    return names_html(",".join(headers.getlist("accept")))


def names_html(accept: str) -> bool:
    """Whether this `Accept` names HTML and prefers no other type that we send (RFC 9110, 12.5.1).

    `*/*` and `text/*` do not name it, because curl and other programs send them and want the content itself. They do
    count for the types that HTML is compared with.
    """
    weights: dict[str, float] = {}
    for item in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in item.split(";"))
        weights[media_type] = max(weights.get(media_type, 0.0), weight(parameters))
    page = max(weights.get(media_type, 0.0) for media_type in _PAGE_TYPES)
    return page > 0 and page >= max(_weight_of(media_type, weights) for media_type in _PROGRAM_TYPES)


def wants_page(headers: Headers) -> bool:
    """Whether to show a text as a page: to who wants HTML, and to link previews, which accept anything and look for
    what a page says about itself.
    """
    return wants_html(headers) or is_previewer(headers.get("user-agent", ""))


def _weight_of(media_type: str, weights: dict[str, float]) -> float:
    """The weight of a type: that of the most specific range that covers it."""
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    return next((weights[each] for each in ranges if each in weights), 0.0)


_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


def is_prefetch(headers: Headers) -> bool:
    """Whether a browser says that it prefetches this before its user has opened it."""
    announced = " ".join(headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return bool(_AHEAD.search(announced))


def is_link_preview(headers: Headers) -> bool:
    """Whether a client says that it fetches a link before a person opens it. A client that lies is not detected."""
    return is_prefetch(headers) or is_previewer(headers.get("user-agent", ""))
