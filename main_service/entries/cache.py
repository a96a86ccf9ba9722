"""The cache of live entries in Redis, so that reading one needs no database: how they are set, found and replaced.

Only changes write tombstones, over whatever stands, and only reads write cached entries: each in place of what it had
found before it read the row, if that still stands. So a read that began before a change can't bring the old value back,
and the first read that began after it ends the tombstone. docs/decisions/0003-cache-and-tombstones.md goes through the
race. A cached entry begins with the number of its format, which is derived from what it holds.
"""

import dataclasses
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import EnumType
from hashlib import blake2b
from types import NoneType
from typing import Any, cast, get_args
from uuid import UUID, uuid4

from redis.asyncio import Redis

from main_service.engines.redis import RedisClient, RedisUnavailableError
from main_service.engines.redis_scripts import Script
from main_service.entries.entry import LiveEntry
from main_service.entries.models import Kind, Visibility
from main_service.entries.urls import to_ascii
from main_service.monitoring.metrics import CACHE_REQUESTS

_NOT_CACHED = {"key", "views_left", "visit_count", "imported_visit_count"}
"""Fields that are not cached: the key is in the name, entries with a view limit are not cached, and visits change too
often."""
_LAYOUT = 2
"""How fields are written, above all the head. Raise it when you change that; changed fields are noticed by
themselves."""


def format_number(entry_class: type[LiveEntry] = LiveEntry) -> int:
    """The number of the format, derived from names and types of the fields that are cached, and the values of enums.

    An entry cached in another format counts as not cached, so that versions can follow each other. The number has nine
    digits, so it is none of 1 to 6, which were raised by hand.
    """
    fields = [field for field in dataclasses.fields(entry_class) if field.name not in _NOT_CACHED]
    held = [(field.name, str(field.type), _enum_values(field.type)) for field in fields]
    digest = blake2b(repr((_LAYOUT, held)).encode(), digest_size=8).digest()
    return 100_000_000 + int.from_bytes(digest) % 900_000_000


def _enum_values(field_type: object) -> list[str]:
    """The values of an enum among the types, sorted: a program that does not know one can't read the cached entry."""
    types = get_args(field_type) or (field_type,)
    enums = [type_ for type_ in types if isinstance(type_, EnumType)]
    return sorted(str(value) for enum in enums for value in cast("Iterable[object]", enum))


_FORMAT = format_number()

HEAD_START = f'[{_FORMAT},{{"head":"'
"""The first bytes of a cached entry. Its head follows, up to the next quotation mark: what the fast path must know.

The head has fixed places. One character: `L` a link, `P` a paste, `-` an entry that the fast path leaves alone. 13
digits: when it is over, in milliseconds since 1970, UTC. One character: `a` if search engines may show it, else `n`.
Then the target of a link as it is sent, or of a paste the `body_id` in 32 digits and the `page_tag` in 16.
"""
_HEAD_START = HEAD_START.encode()
NEVER_MS = 9_999_999_999_999
"""The expiry in the head of an entry that never expires."""


def pack(entry: LiveEntry) -> bytes:
    """What the cache holds of an entry without a limit of views."""
    fields = _pack_fields(entry)
    return f'[{_FORMAT},{{"head":{json.dumps(_head(entry, fields), ensure_ascii=False)},{fields[1:]}]'.encode()


def page_tag(entry: LiveEntry) -> str:
    """16 digits that differ when any cached field of the entry differs, so that its page may differ."""
    return _tag(_pack_fields(entry))


def _tag(fields: str) -> str:
    return blake2b(fields.encode(), digest_size=8).hexdigest()


def _pack_fields(entry: LiveEntry) -> str:
    fields: dict[str, Any] = asdict(entry)
    cached = {name: fields[name] for name in fields if name not in _NOT_CACHED}
    return json.dumps(cached, default=_plain, ensure_ascii=False, separators=(",", ":"))


def _head(entry: LiveEntry, fields: str) -> str:
    over_at = NEVER_MS if entry.expires_at is None else int(entry.expires_at.timestamp() * 1000)
    target = to_ascii(entry.original_url or "")
    # Characters that JSON escapes would move what follows from its fixed place.
    is_plain = json.dumps(target) == f'"{target}"'
    if entry.kind is Kind.LINK:
        # FastAPI merges the query of a visit with the target.
        kind, rest = "-" if entry.passes_query else "L", target
    else:
        kind, rest = "P", f"{entry.body_id.hex}{_tag(fields)}" if entry.body_id else ""
    return f"{kind if is_plain else '-'}{over_at:013}{'a' if entry.visibility is Visibility.PUBLIC else 'n'}{rest}"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _reader(field_type: object) -> Callable[[str], object] | None:
    """Converts a value of this type from JSON; None: JSON has the value itself."""
    (type_,) = {*(get_args(field_type) or (field_type,))} - {NoneType}
    if type_ is datetime:
        return datetime.fromisoformat
    return type_ if type_ is UUID or isinstance(type_, EnumType) else None


_READERS = {field.name: read for field in dataclasses.fields(LiveEntry) if (read := _reader(field.type))}


def unpack(key: str, packed: bytes) -> LiveEntry | None:
    """The entry that was packed; None: it is a tombstone or in another format."""
    if not packed.startswith(_HEAD_START):
        return None
    _, fields = json.loads(packed)
    del fields["head"]
    for name, read in _READERS.items():
        if fields[name] is not None:
            fields[name] = read(fields[name])
    return LiveEntry(key=key, views_left=None, visit_count=None, imported_visit_count=None, **fields)


logger = logging.getLogger(__name__)

_HITS, _MISSES = CACHE_REQUESTS.labels("hit"), CACHE_REQUESTS.labels("miss")

SET_WITHIN = timedelta(seconds=5)
"""A reader who takes longer between its look-up and what it caches writes nothing. By the clock of Redis, which also
ends tombstones."""
TOMBSTONE_LIFETIME = timedelta(seconds=10)
"""How long a tombstone lasts if no reader ends it. Readers who had found nothing may write until `SET_WITHIN` is over;
those of the previous release count these 5 s by their own clock, and may then take 2 s to ask."""
LONGEST_LIFETIME = timedelta(days=1)
"""How long an entry is cached if it does not expire before."""
_TOMBSTONE_OF_OLD = b""
"""The tombstone of the previous release. All are alike, so a reader can't see that there was a second change, and
waits."""

_MS = timedelta(milliseconds=1)
_FIND = Script(f"""#!lua flags=no-writes
local standing = redis.call('GET', KEYS[1])
if standing and string.sub(standing, 1, {len(HEAD_START)}) == '{HEAD_START}' then
  return standing
end
local time = redis.call('TIME')
return {{standing, time[1] * 1000 + math.floor(time[2] / 1000)}}
""")
# ARGV: when the reader found what stood there, the cached entry, until when it stands, and what stood, unless that was
# nothing. What takes the place of a tombstone must stand as long, or a slow reader would find nothing in its way after
# all.
_SET_IF_ABSENT = Script(f"""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local waited, left = now - ARGV[1], ARGV[3] - now
if waited < 0 or waited > {SET_WITHIN // _MS} or ARGV[4] and left < {TOMBSTONE_LIFETIME // _MS} then
  return 0
end
if redis.call('GET', KEYS[1]) ~= (ARGV[4] or false) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
return 1
""")


@dataclass(frozen=True)
class Miss:
    """What a look-up found in place of a cached entry, so that one may be set in its place."""

    standing: bytes | None
    """A tombstone, or an entry cached in another format. No two changes write the same. None: nothing."""
    found_ms: int
    """When it was found, in milliseconds since 1970, by the clock of Redis."""


@dataclass(frozen=True)
class CacheLookup:
    """What a look-up of a key found."""

    entry: LiveEntry | None
    """None: it is not cached."""
    miss: Miss | None
    """None: the reader must not set it."""


class EntryCache:
    """Caches entries that anyone who has the key may read. Without Redis, reads find nothing and nothing is set."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def find(self, key: str) -> CacheLookup:
        """Look up the entry of a key."""

        async def find(redis: Redis) -> CacheLookup:
            reply = await _FIND.run(redis, [cache_key(key)])
            if isinstance(reply, bytes):
                _HITS.inc()
                return CacheLookup(unpack(key, reply), None)
            _MISSES.inc()
            standing, found_ms = cast("tuple[bytes | None, int]", reply)
            return CacheLookup(None, None if standing == _TOMBSTONE_OF_OLD else Miss(standing, found_ms))

        try:
            return await self._redis.call(find)
        except RedisUnavailableError as error:
            logger.debug("The cache cannot be read: %s", error)
            return CacheLookup(None, None)

    async def set_if_absent(self, entry: LiveEntry, miss: Miss) -> None:
        """Cache an entry whose row was read after `miss` was found, if there still is what was found.

        Private entries are not cached, nor those with a view limit: the database decides over each of their views.
        """
        if not is_cacheable(entry):
            return
        until = datetime.now(UTC) + LONGEST_LIFETIME
        if entry.expires_at is not None:
            until = min(until, entry.expires_at)
        arguments: list[str | bytes | int] = [miss.found_ms, pack(entry), int(until.timestamp() * 1000)]
        if miss.standing is not None:
            arguments.append(miss.standing)
        try:
            await self._redis.call(lambda redis: _SET_IF_ABSENT.run(redis, [cache_key(entry.key)], arguments))
        except RedisUnavailableError as error:
            logger.debug("An entry was not cached: %s", error)

    async def invalidate(self, keys: Sequence[str]) -> None:
        """Write a tombstone for each key, once what changed the entries is committed.

        Raises:
            RedisUnavailableError: some may have been written.
        """
        # For readers of the cache, the previous release included, it is an entry in a format that they don't know.
        tombstone = f'[0,"{uuid4().hex}"]'

        async def set_all(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=False)
            for key in keys:
                pipeline.set(cache_key(key), tombstone, px=TOMBSTONE_LIFETIME)
            await pipeline.execute()

        # Redis may be back already, and then readers in other processes must not see the old entry.
        await self._redis.call(set_all, bypass_breaker=True)


def is_cacheable(entry: LiveEntry) -> bool:
    """Whether anyone with the key may read the entry any number of times, so that it may be cached."""
    return entry.views_left is None and entry.visibility is not Visibility.PRIVATE


def cache_key(key: str) -> str:
    """The name in Redis of the entry of `key`."""
    return f"entry:{{0}}:{key}"
