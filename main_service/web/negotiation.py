"""What kind of client sends a request: a browser that wants a page, a program, a link preview or a prefetch."""

import re

from starlette.datastructures import Headers

_PAGE_TYPES = ("text/html", "application/xhtml+xml")


def wants_html(headers: Headers) -> bool:
    """Whether `Accept` names HTML. `*/*` does not count: curl and programs send it and want the thing itself."""
    for item in ",".join(headers.getlist("accept")).lower().split(","):
        media_type, *parameters = (part.strip() for part in item.split(";"))
        is_refused = any(parameter.replace(" ", "").rstrip("0.") == "q=" for parameter in parameters)
        if media_type in _PAGE_TYPES and not is_refused:
            return True
    return False


# Names of their own, and what nearly all others call themselves. curl, wget and HTTP libraries are people's programs.
_PREVIEWER = re.compile(
    r"bot\b|crawler|spider|preview|unfurl|externalhit|externalagent|facebookcatalog|whatsapp|slack|discord|telegram"
    r"|embedly|iframely|vkshare|snippet|linkexpanding|mastodon|pleroma|misskey|bluesky|lemmy|scraper|archiver",
    re.IGNORECASE,
)
_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)


def is_fetched_ahead(headers: Headers) -> bool:
    """Whether a browser says that nobody has asked to see this yet."""
    announced = " ".join(headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return bool(_AHEAD.search(announced))


def is_link_preview(headers: Headers) -> bool:
    """Whether a machine asks ahead of its person. A guess by what it says of itself: who lies gets what it asks for."""
    return bool(_PREVIEWER.search(headers.get("user-agent", ""))) or is_fetched_ahead(headers)
