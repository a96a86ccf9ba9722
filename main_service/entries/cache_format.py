"""How a copy of an entry is written in Redis, and the number that tells one way of writing from another."""

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from enum import EnumType
from hashlib import blake2b
from typing import Any, cast, get_args
from uuid import UUID

from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind, Visibility
from main_service.entries.urls import to_ascii

_NOT_COPIED = {"key", "views_left", "visit_count"}
"""`key` stands in the name; what has a view limit gets no copy; visits are counted too often."""
_LAYOUT = 1
"""How fields are written, above all the head. To be raised by who changes it: the fields themselves are seen."""


def format_number(entry_class: type[LiveEntry] = LiveEntry) -> int:
    """The number of the format, derived from what a copy holds: names and types of fields, and the values of enums.

    A copy in another format counts as none, so that versions can follow each other. It has nine digits, so it is none
    of the numbers 1 to 6, which were raised by hand.
    """
    fields = [field for field in dataclasses.fields(entry_class) if field.name not in _NOT_COPIED]
    held = [(field.name, str(field.type), _enum_values(field.type)) for field in fields]
    digest = blake2b(repr((_LAYOUT, held)).encode(), digest_size=8).digest()
    return 100_000_000 + int.from_bytes(digest) % 900_000_000


def _enum_values(field_type: object) -> list[str]:
    """Who does not know a value can't read the copy."""
    types = get_args(field_type) or (field_type,)
    enums = [type_ for type_ in types if isinstance(type_, EnumType)]
    return sorted(str(value) for enum in enums for value in cast("Iterable[object]", enum))


_FORMAT = format_number()

HEAD_START = f'[{_FORMAT},{{"head":"'
"""How a copy begins. Its head follows, up to the next quotation mark: what the fast path must know, at fixed places.

One letter: `L` a link, `P` a paste, `-` an entry that the fast path leaves alone. 13 digits: when it is over, in
milliseconds since 1970, UTC. One letter: `a` if search engines may show it, else `n`. Then the target of a link as it
is sent, or the `body_id` of a paste in 32 digits.
"""
_HEAD_START = HEAD_START.encode()
NEVER_MS = 9_999_999_999_999


def pack(entry: LiveEntry) -> bytes:
    """The copy of an entry without a limit of views."""
    fields: dict[str, Any] = asdict(entry)
    fields = {"head": _head(entry), **{name: fields[name] for name in fields if name not in _NOT_COPIED}}
    return json.dumps([_FORMAT, fields], default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _head(entry: LiveEntry) -> str:
    over_at = NEVER_MS if entry.expires_at is None else int(entry.expires_at.timestamp() * 1000)
    target = to_ascii(entry.original_url or "")
    # What JSON would write in another way is not at a fixed place.
    is_plain = json.dumps(target) == f'"{target}"'
    kind, rest = ("L", target) if entry.kind is Kind.LINK else ("P", entry.body_id.hex if entry.body_id else "")
    return f"{kind if is_plain else '-'}{over_at:013}{'a' if entry.visibility is Visibility.PUBLIC else 'n'}{rest}"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def unpack(key: str, packed: bytes) -> LiveEntry | None:
    """None for a tombstone, and for a copy in another format, whatever that looks like."""
    if not packed.startswith(_HEAD_START):
        return None
    _, fields = json.loads(packed)
    del fields["head"]
    for name in ("created_at", "updated_at", "expires_at"):
        fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
    for name in ("owner_id", "body_id"):
        fields[name] = UUID(fields[name]) if fields[name] else None
    fields["kind"], fields["visibility"] = Kind(fields["kind"]), Visibility(fields["visibility"])
    return LiveEntry(key=key, views_left=None, visit_count=None, **fields)
