"""The views of a paste: its code, and a preview of what its language stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from fastapi import Request

from main_service.entries.errors import ViewUnknownError
from main_service.rendering.job import Option


class View(StrEnum):
    CODE = "code"
    PREVIEW = "preview"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """How texts of a language are shown, other than as code."""

    kind: str
    """A kind of the renderer, and the name of the style sheet."""
    max_bytes: int
    """The longest text that is shown whole. Of a longer one, only the beginning is shown, or nothing."""
    can_be_cut: bool = False
    """Whether a part of a text means something without the rest."""
    opens_first: bool = False
    options: Mapping[str, Option] = field(default_factory=dict)


_TABLE = Preview(kind="table", max_bytes=512 * 1024, can_be_cut=True)
_ANSI = Preview(kind="ansi", max_bytes=512 * 1024, can_be_cut=True)
_PREVIEWS = {
    "ansi": _ANSI,
    "csv": _TABLE,
    "diff": Preview(kind="diff", max_bytes=512 * 1024, can_be_cut=True),
    "json": Preview(kind="json", max_bytes=512 * 1024),
    "markdown": Preview(kind="markdown", max_bytes=256 * 1024, opens_first=True),
    "tsv": Preview(kind="table", max_bytes=512 * 1024, can_be_cut=True, options={"separator": "\t"}),
}
_ALIASES = {"md": "markdown", "udiff": "diff", "json-object": "json", "jsonld": "json", "json-ld": "json"}
_MAYBE_ANSI = frozenset({None, "text", "output", "console", "shell-session"})
"""Languages whose texts may be the output of a program."""
_COLOUR = b"\x1b["


def preview_of(syntax: str | None, beginning: bytes) -> Preview | None:
    """The preview of texts in this language; None: there is none.

    `beginning`: of the text, in which the escape sequences of a terminal's log are looked for.
    """
    if syntax in _MAYBE_ANSI and _COLOUR in beginning:
        return _ANSI
    return _PREVIEWS.get(_ALIASES.get(syntax or "", syntax or ""))


def asked_view(written: str | None) -> View | None:
    """The view that a query asks for; None: it asks for none.

    Raises:
        ViewUnknownError: there is no such view.
    """
    if written is None:
        return None
    try:
        return View(written)
    except ValueError as error:
        raise ViewUnknownError from error


def is_from_our_page(headers: Mapping[str, str]) -> bool:
    """Whether the reader comes from one of our pages: switching between views is no second visit.

    Over plain http only the referrer tells, which our pages ask browsers to send only to us.
    """
    if (site := headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    origin = f"{'/'.join(headers.get('referer', '').split('/', 3)[:3])}/"
    return origin.endswith(f"://{headers.get('host', '')}/")


def is_another_look(request: Request) -> bool:
    """Whether the reader has chosen a view or a language on a page of ours: another look at a paste is no visit."""
    return not {"view", "lang"}.isdisjoint(request.query_params) and is_from_our_page(request.headers)
