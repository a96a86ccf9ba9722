"""Which kind of client sends a request: a browser that wants a page, a program, a link preview, or a prefetch."""

import re

from starlette.datastructures import Headers

from main_service.compression.encodings import weighted_choices
from main_service.web.user_agents import is_command, is_previewer

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
    weights = _weights(accept)
    page = max(weights.get(media_type, 0.0) for media_type in _PAGE_TYPES)
    return page > 0 and page >= max(_weight_of(media_type, weights) for media_type in _PROGRAM_TYPES)


def prefers_json(headers: Headers) -> bool:
    """Whether `Accept` names JSON and prefers no plain text to it. A program that accepts anything gets plain text."""
    weights = _weights(",".join(headers.getlist("accept")))
    json = weights.get("application/json", 0.0)
    return json > 0 and json >= weights.get("text/plain", 0.0)


def wants_line(headers: Headers) -> bool:
    """Whether to answer an error as a line of text: for curl and similar programs, unless they ask for JSON."""
    asks_for_json = "json" in ",".join(headers.getlist("accept")).lower()
    return is_command(headers.get("user-agent", "")) and not asks_for_json


def wants_page(headers: Headers) -> bool:
    """Whether to show a text as a page: to clients that want HTML, and to link previews, which accept anything and read
    the metadata of pages.
    """
    return wants_html(headers) or is_previewer(headers.get("user-agent", ""))


def _weights(accept: str) -> dict[str, float]:
    """The weight of each range that an `Accept` names."""
    weights: dict[str, float] = {}
    for media_type, weight in weighted_choices(accept):
        weights[media_type] = max(weights.get(media_type, 0.0), weight)
    return weights


def _weight_of(media_type: str, weights: dict[str, float]) -> float:
    """The weight of a type: that of the most specific range that covers it."""
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    return next((weights[each] for each in ranges if each in weights), 0.0)


_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


def is_prefetch(headers: Headers) -> bool:
    """Whether a browser says that it is prefetching."""
    announced = " ".join(headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return bool(_AHEAD.search(announced))


def is_link_preview(headers: Headers) -> bool:
    """Whether a client says that it fetches a link before a person opens it. Nothing detects clients that lie."""
    return is_prefetch(headers) or is_previewer(headers.get("user-agent", ""))
