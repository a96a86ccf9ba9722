"""The options in a form of 0x0, and the headers of its answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from main_service.doors.creating import MANAGE_TOKEN, Created
from main_service.doors.foreign_values import lifetime_in_hours
from main_service.doors.multipart import Part
from main_service.doors.text_bytes import short_text
from main_service.entries.entry import LiveEntry
from main_service.entries.lifetimes import Lifetime

DOOR = "0x0"
_EXPIRES = "expires"
_SECRET = "secret"  # noqa: S105 (the name of a field)


@dataclass(frozen=True)
class RequestedOptions:
    """The options of a new entry: its lifetime (None: the default), and whether its key must be hard to guess."""

    lifetime: Lifetime | None = None
    has_secret_key: bool = False


def requested_options(parts: Iterable[Part]) -> RequestedOptions:
    """The options in the fields `expires` and `secret`; the latter counts whatever its value.

    Raises:
        InvalidInputError: `expires` can't be read.
    """
    fields = {part.name: part.content for part in parts if part.file_name is None}
    return RequestedOptions(lifetime_of(fields), _SECRET in fields)


def lifetime_of(fields: Mapping[str, bytes]) -> Lifetime | None:
    """None: `expires` is missing or empty.

    Raises:
        InvalidInputError: it can't be read.
    """
    written = short_text(fields.get(_EXPIRES, b""), field=_EXPIRES)
    return lifetime_in_hours(written, field=_EXPIRES) if written else None


def headers_of(created: Created) -> dict[str, str]:
    """The headers with the token of a guest's entry and its expiry, as 0x0 names them."""
    token = created.headers.get(MANAGE_TOKEN)
    return {**({} if token is None else {"X-Token": token}), **end_of(created.entry)}


def end_of(entry: LiveEntry) -> dict[str, str]:
    """The expiry in milliseconds since 1970; empty: it never expires."""
    if entry.expires_at is None:
        return {}
    return {"X-Expires": str(int(entry.expires_at.timestamp() * 1000))}
