"""Copies of live entries in Redis, so that reading one needs no database.

Only reads write values and only changes write tombstones. A value is written where nothing stands (`NX`), a tombstone
over whatever stands: so a read that began before a change can't bring the old value back.
"""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from main_service.entries.live_entry import LiveEntry
from main_service.entries.models import Kind, Visibility

logger = logging.getLogger(__name__)

TOMBSTONE = b""
TOMBSTONE_LIFETIME = timedelta(seconds=60)
FILL_WITHIN_SECONDS = 5.0
"""A reader slower than this between row and copy does not write it: its tombstone could be gone by then."""
LONGEST_LIFETIME = timedelta(days=1)
_FORMAT = 1
"""Part of every copy. A copy in another format counts as none, so that versions can follow each other."""


class CopiesUnreachableError(Exception):
    """Redis does not take what it must learn; the task that heals copies tells it later."""


@dataclass(frozen=True)
class Found:
    """`entry`: None when there is no copy. `may_fill`: whether the reader should write one."""

    entry: LiveEntry | None
    may_fill: bool


class Copies:
    """Copies of entries that anyone who has the key may read. Redis away: reads find nothing, `fill` does nothing."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def find(self, key: str) -> Found:
        try:
            packed = cast("bytes | None", await self._redis.get(_name(key)))
        except RedisError as error:
            logger.warning("Redis gives no copies: %s", error)
            return Found(None, may_fill=False)
        if packed is None:
            return Found(None, may_fill=True)
        return Found(_unpack(key, packed), may_fill=False)

    async def fill(self, entry: LiveEntry, *, read_at: float) -> None:
        """Write the copy of an entry whose row was read at `read_at` (`time.monotonic`, before the query)."""
        if time.monotonic() - read_at > FILL_WITHIN_SECONDS:
            return
        until = min(entry.expires_at, datetime.now(UTC) + LONGEST_LIFETIME)
        try:
            await self._redis.set(_name(entry.key), _pack(entry), nx=True, pxat=until)
        except RedisError as error:
            logger.warning("Redis takes no copies: %s", error)

    async def bury(self, keys: Sequence[str]) -> None:
        """Write tombstones.

        Raises:
            CopiesUnreachableError: Redis can't be reached; some may have been written.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.set(_name(key), TOMBSTONE, px=TOMBSTONE_LIFETIME)
        try:
            await pipeline.execute()
        except RedisError as error:
            raise CopiesUnreachableError(str(error)) from error


def _name(key: str) -> str:
    return f"entry:{{0}}:{key}"


def _pack(entry: LiveEntry) -> bytes:
    fields: dict[str, Any] = asdict(entry)
    del fields["key"]
    return json.dumps([_FORMAT, fields], default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _unpack(key: str, packed: bytes) -> LiveEntry | None:
    """None for a tombstone, and for a copy in another format."""
    if packed == TOMBSTONE:
        return None
    version, fields = json.loads(packed)
    if version != _FORMAT:
        return None
    for name in ("created_at", "updated_at", "expires_at"):
        fields[name] = datetime.fromisoformat(fields[name])
    body_id = fields.pop("body_id")
    kind, visibility = Kind(fields.pop("kind")), Visibility(fields.pop("visibility"))
    return LiveEntry(key=key, kind=kind, visibility=visibility, body_id=UUID(body_id) if body_id else None, **fields)
