"""Serializes live entries for the API and for pages: URLs, values, and texts as plain text.

Texts of users are hostile, so they are never sent as anything but plain text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from main_service.engines.texts import TextChunks
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind, Visibility
from main_service.entries.schemas import CreatedLinkOut, CreatedPasteOut, LinkOut, PasteOut
from main_service.entries.syntaxes import syntax_name
from main_service.entries.urls import decoded_host, to_ascii
from main_service.web.headers import SANDBOX
from main_service.web.held_stream import HeldStream

ETAG_RESPONSE: dict[str, Any] = {
    "headers": {
        "ETag": {"description": "The version of the entry, for `If-Match`.", "schema": {"type": "string"}},
    },
}
"""Documents the header of `etag` in OpenAPI."""


@dataclass(frozen=True)
class PageEntry(LiveEntry):
    """A live entry with values that only pages show."""

    url: str
    raw_url: str
    syntax_name: str | None
    """The name of the language that the text is shown in; None: plain."""
    target_ascii: str | None
    target_host: str | None
    """The host of the target decoded from punycode; None: it has no punycode."""


def page_entry(entry: LiveEntry, public_url: str) -> PageEntry:
    return PageEntry(
        **vars(entry),
        url=short_url(public_url, entry.key),
        raw_url=raw_url(public_url, entry.key),
        syntax_name=entry.shown_syntax and syntax_name(entry.shown_syntax),
        target_ascii=entry.original_url and to_ascii(entry.original_url),
        target_host=entry.original_url and decoded_host(entry.original_url),
    )


def entry_out(entry: LiveEntry, public_url: str, *, to_manager: bool) -> PasteOut | LinkOut:
    """The entry as the API shows it.

    `to_manager`: whether to show visits even if statistics are not public, and content even if views are limited.
    """
    if not to_manager:
        if not entry.has_public_statistics:
            entry = replace(entry, visit_count=None, imported_visit_count=None)
        if entry.views_left is not None:
            entry = entry.without_content()
    return PasteOut(**_wire(entry, public_url)) if entry.kind is Kind.PASTE else LinkOut(**_wire(entry, public_url))


def created_paste_out(entry: LiveEntry, public_url: str, manage_token: str | None) -> CreatedPasteOut:
    return CreatedPasteOut(**_wire(entry, public_url), manage_token=manage_token)


def created_link_out(entry: LiveEntry, public_url: str, manage_token: str | None) -> CreatedLinkOut:
    return CreatedLinkOut(**_wire(entry, public_url), manage_token=manage_token)


def short_url(public_url: str, key: str) -> str:
    """The URL of an entry that people share."""
    return f"{public_url}/{key}"


def raw_url(public_url: str, key: str) -> str:
    """The URL of the text of a paste alone."""
    return f"{public_url}/{key}/raw"


def qr_url(public_url: str, key: str) -> str:
    """The URL of the QR code of an entry."""
    return f"{public_url}/{key}/qr.svg"


def text_url(public_url: str, key: str) -> str:
    """The URL of the text in the API, which spends a view without asking where they are limited."""
    return f"{public_url}/api/v1/entries/{key}/text"


def entry_urls(public_url: str, key: str) -> dict[str, str]:
    """All URLs of an entry, by their names in the API."""
    url = short_url(public_url, key)
    return {
        "url": url,
        "short_url": url,
        "raw_url": raw_url(public_url, key),
        "text_url": text_url(public_url, key),
    }


def manage_url(public_url: str, key: str, manage_token: str) -> str:
    """The URL of the manage page. The token follows `#`, because browsers don't send that part."""
    return f"{public_url}/{key}/manage#{manage_token}"


def etag(entry: LiveEntry) -> dict[str, str]:
    """The header with the version of the entry, for `If-Match`."""
    return {"ETag": f'"{entry.version}"'}


def robots(entry: LiveEntry) -> dict[str, str]:
    """The header that lets search engines show public entries; all other responses say noindex by default."""
    return {"X-Robots-Tag": "all"} if entry.visibility is Visibility.PUBLIC else {}


def _wire(entry: LiveEntry, public_url: str) -> dict[str, Any]:
    return vars(entry) | entry_urls(public_url, entry.key)


def text_response(chunks: TextChunks, *, size_bytes: int, headers: Mapping[str, str] | None = None) -> HeldStream:
    return HeldStream(
        chunks,
        held_bytes=chunks.held_bytes,
        media_type="text/plain; charset=utf-8",
        headers={"Content-Length": str(size_bytes), "Content-Security-Policy": SANDBOX, **(headers or {})},
    )
