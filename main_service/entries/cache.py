"""Copies of live entries in Redis, so that reading one needs no database.

Only reads write values and only changes write tombstones. A value is written where nothing stands (`NX`), a tombstone
over whatever stands: so a read that began before a change can't bring the old value back.
"""

import dataclasses
import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import EnumType
from hashlib import blake2b
from typing import Any, cast, get_args
from uuid import UUID

from redis.asyncio import Redis

from main_service.engines.redis import CarefulRedis, RedisAwayError
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind, Visibility
from main_service.entries.urls import to_ascii

logger = logging.getLogger(__name__)

TOMBSTONE = b""
TOMBSTONE_LIFETIME = timedelta(seconds=60)
FILL_WITHIN_SECONDS = 5.0
"""A reader slower than this between row and copy does not write it: its tombstone could be gone by then."""
LONGEST_LIFETIME = timedelta(days=1)
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


@dataclass(frozen=True)
class Found:
    """`entry`: None when there is no copy. `may_fill`: whether the reader should write one."""

    entry: LiveEntry | None
    may_fill: bool


class Copies:
    """Copies of entries that anyone who has the key may read. Redis away: reads find nothing, `fill` does nothing."""

    def __init__(self, redis: CarefulRedis) -> None:
        self._redis = redis

    async def find(self, key: str) -> Found:
        async def get(redis: Redis) -> bytes | None:
            return cast("bytes | None", await redis.get(copy_name(key)))

        try:
            packed = await self._redis.ask(get)
        except RedisAwayError as error:
            logger.debug("No copies to read: %s", error)
            return Found(None, may_fill=False)
        if packed is None:
            return Found(None, may_fill=True)
        return Found(_unpack(key, packed), may_fill=False)

    async def fill(self, entry: LiveEntry, *, read_at: float) -> None:
        """Write the copy of an entry whose row was read at `read_at` (`time.monotonic`, before the query).

        What is private gets none, nor what has a view limit: the database decides over each of its views.
        """
        if not is_for_all(entry) or time.monotonic() - read_at > FILL_WITHIN_SECONDS:
            return
        until = datetime.now(UTC) + LONGEST_LIFETIME
        if entry.expires_at is not None:
            until = min(until, entry.expires_at)

        async def set_if_absent(redis: Redis) -> None:
            await redis.set(copy_name(entry.key), _pack(entry), nx=True, pxat=until)

        try:
            await self._redis.ask(set_if_absent)
        except RedisAwayError as error:
            logger.debug("A copy was not written: %s", error)

    async def bury(self, keys: Sequence[str]) -> None:
        """Write tombstones.

        Raises:
            RedisAwayError: some may have been written.
        """

        async def set_all(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=False)
            for key in keys:
                pipeline.set(copy_name(key), TOMBSTONE, px=TOMBSTONE_LIFETIME)
            await pipeline.execute()

        # Redis may be back already, and then readers of other processes must not see what was.
        await self._redis.ask(set_all, even_in_pause=True)


def is_for_all(entry: LiveEntry) -> bool:
    """Whether anyone who has the key may read it as often as they like."""
    return entry.views_left is None and entry.visibility is not Visibility.PRIVATE


def copy_name(key: str) -> str:
    return f"entry:{{0}}:{key}"


def _pack(entry: LiveEntry) -> bytes:
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


def _unpack(key: str, packed: bytes) -> LiveEntry | None:
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
