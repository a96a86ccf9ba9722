"""Links and times as Bitly sends them."""

from datetime import UTC, datetime
from typing import Any

from main_service.entries.entry import LiveEntry
from main_service.entries.serializers import short_url
from main_service.my_entries.filters import OwnedEntry

Json = dict[str, Any]


def bitlink_out(entry: OwnedEntry | LiveEntry, public_url: str) -> Json:
    link = short_url(public_url, entry.key)
    return {
        "created_at": time_out(entry.created_at),
        "id": link.partition("://")[2],
        "link": link,
        "long_url": entry.original_url,
        "title": entry.title or "",
        "archived": False,
        "custom_bitlinks": [],
        "tags": [],
        "deeplinks": [],
        "references": {},
    }


def time_out(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+0000"
