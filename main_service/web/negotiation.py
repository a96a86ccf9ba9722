"""Who is asking: a browser, which wants a page, or a program."""

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
