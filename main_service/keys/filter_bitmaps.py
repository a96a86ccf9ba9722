"""The bitmaps of the membership filter in Redis: which there are, and which of them may be relied on.

`known:{0}` lists them with the time when each was created. They belong to one run of the server: a server that was
restarted, or took over from another, may have lost bits, and has another run id. Each script reads that id on the
server that it runs on, so no process can take another server's bitmaps for this one's. The first script that finds
bitmaps of another run, another secret or other rules deletes them.
"""

import math
from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from redis.asyncio import Redis

from main_service.engines.redis import RedisClient
from main_service.engines.redis_scripts import Script
from main_service.keys.bloom import COMPLETE_BIT, COMPLETE_PART_BIT, LARGEST_PART, KeyHasher

REGISTRY = "known:{0}"
FIRST_SIZE = 23
"""The size of a first filter: 2^23 bits, 1 MiB. With 580,000 keys in it, 1 of 1,000 unknown keys passes."""
_RULES = 1
"""The version of the rules by which keys become bits."""
_SAMPLE_BYTES = 128 * 1024
"""How much of a bitmap is read to estimate how full it is: keys are spread evenly."""
_MAX_SHARE = 1 - 2**-20
"""Above this share, the number of keys can't be estimated."""
_CHUNK_BYTES = 256 * 1024
_DRAFT_SECONDS = 600
"""When a draft expires: longer than writing the largest one takes, so that only drafts of dead workers expire."""

# KEYS[1]: the registry. ARGV[1]: rules and secret; ARGV[2]: the ending of a first bitmap. `created`: since when the
# bitmap of each ending is there, in the time of Redis; only ever compared for equality. `about` describes each: `size`
# is that of its filter, `place` and `places` which of its parts it is, and `bits` its own. A Redis that takes no writes
# refuses a script that may write as a whole: creates can't set their bits there, so no bits may be asked for either.
# But no script needs memory, so where others are refused for lack of it, these go on.
PREAMBLE = """#!lua flags=allow-oom
local registry, created, about = KEYS[1], {}, {}
local info = redis.pcall('INFO', 'server')
local run_id = type(info) == 'string' and string.match(info, 'run_id:(%x+)')
local start = registry .. ':' .. (run_id or '') .. ':' .. ARGV[1] .. ':'

local function read(ending)
  local doublings, size, place = string.match(ending, '^(0*)([1-9]%d*)%.?(0*)$')
  if not size then
    return nil
  end
  local is_part = doublings ~= ''
  return {name = start .. ending, size = size + #doublings, bits = 2 ^ size, places = 2 ^ #doublings,
          place = is_part and #place - 1 or 0, complete_bit = is_part and COMPLETE_PART_BIT or COMPLETE_BIT}
end

local function begin(ending)
  local now = redis.call('TIME')
  local bitmap = read(ending)
  created[ending], about[ending] = now[1] .. '.' .. now[2], bitmap
  redis.call('UNLINK', bitmap.name)
  redis.call('SETBIT', bitmap.name, 7 + bitmap.bits, 0)
  redis.call('HSET', registry, bitmap.name, created[ending])
end

local found = redis.call('HGETALL', registry)
for i = 1, #found, 2 do
  local name = found[i]
  local ending = string.sub(name, #start + 1)
  local bitmap = run_id and string.sub(name, 1, #start) == start and read(ending)
  if bitmap and redis.call('EXISTS', name) == 1 then
    created[ending], about[ending] = found[i + 1], bitmap
  else
    redis.call('UNLINK', name)
    redis.call('HDEL', registry, name)
  end
end
if run_id and not next(created) then
  begin(ARGV[2])
end
""".replace("COMPLETE_PART_BIT", str(COMPLETE_PART_BIT)).replace("COMPLETE_BIT", str(COMPLETE_BIT))


class FilterScript(Script):
    """A script that begins with `PREAMBLE`."""

    def __init__(self, lua: str) -> None:
        super().__init__(PREAMBLE + lua)


_LIST = FilterScript(f"""
local bitmaps = {{}}
for ending, since in pairs(created) do
  local bitmap = about[ending]
  local bytes = math.min(bitmap.bits / 8, {_SAMPLE_BYTES})
  local ones = redis.call('BITCOUNT', bitmap.name, 1, bytes)
  local is_complete = redis.call('GETBIT', bitmap.name, bitmap.complete_bit)
  bitmaps[#bitmaps + 1] = {{bitmap.size, bitmap.place, since, is_complete, ones, bytes * 8}}
end
return bitmaps
""")

# ARGV[3]: the ending of the new bitmap. One of 2^31 bits takes Redis a tenth of a second, so each is a call of its own.
_BEGIN = FilterScript("""
if run_id and not created[ARGV[3]] then
  begin(ARGV[3])
end
""")

# ARGV[3] and [4]: the bitmap, KEYS[2]: its draft, ARGV[5]: how many bits are set there. Filters of other sizes are
# deleted once all parts of this one are complete.
_COMPLETE = FilterScript("""
local ending = ARGV[3]
if created[ending] ~= ARGV[4] or redis.call('BITCOUNT', KEYS[2]) ~= tonumber(ARGV[5]) then
  return 0
end
local bitmap, complete = about[ending], 0
redis.call('BITOP', 'OR', bitmap.name, bitmap.name, KEYS[2])
redis.call('SETBIT', bitmap.name, bitmap.complete_bit, 1)
for _, other in pairs(about) do
  if other.size == bitmap.size and redis.call('GETBIT', other.name, other.complete_bit) == 1 then
    complete = complete + 1
  end
end
if complete == bitmap.places then
  for _, other in pairs(about) do
    if other.size ~= bitmap.size then
      redis.call('UNLINK', other.name)
      redis.call('HDEL', registry, other.name)
    end
  end
end
return 1
""")


@dataclass(frozen=True)
class Bitmap:
    """A filter, or one part of it, as it is in Redis."""

    size: int
    """The size of its filter, which has 2^`size` bits."""
    place: int
    """The number of the part of its filter, from 0; 0 if the filter has one part."""
    created: str
    """When it was created, in the time of Redis: differs from an earlier bitmap of the same size and place."""
    is_complete: bool
    share_set: float
    """How many of its bits are set, from 0 to 1; estimated."""

    @property
    def is_full(self) -> bool:
        """Whether more than half of its bits are set."""
        return self.share_set > 0.5

    @property
    def fill(self) -> float:
        """How many keys it has, by how many it is made for: at 1 it is full."""
        return -math.log2(1 - min(self.share_set, _MAX_SHARE))


class FilterBitmaps:
    """Lists, creates and completes bitmaps, for the rebuild.

    Raises:
        RedisUnavailableError: from every coroutine; what was asked for may be done or not.
    """

    def __init__(
        self,
        redis: RedisClient,
        *,
        hasher: KeyHasher,
        first_size: int = FIRST_SIZE,
        largest_part: int = LARGEST_PART,
    ) -> None:
        """`largest_part`: a filter of more than 2^`largest_part` bits is made of several parts of that size."""
        self._redis = redis
        self._arguments: list[str | int] = [rules(hasher), first_size]
        self._largest_part = largest_part
        self.hasher = hasher

    def bits_of(self, size: int) -> int:
        """The size of each bitmap of a filter of 2^`size` bits, as a power of two."""
        return min(size, self._largest_part)

    def places(self, size: int) -> int:
        """How many bitmaps a filter of 2^`size` bits has."""
        return 1 << (size - self.bits_of(size))

    async def list_all(self) -> list[Bitmap]:
        """All bitmaps, smallest first. There is always one, unless the server does not tell its run id."""
        found = cast("list[list[int | bytes]]", await self._run(_LIST, [REGISTRY]))
        bitmaps = [
            Bitmap(int(size), int(place), cast("bytes", created).decode(), bool(is_complete), int(ones) / int(bits))
            for size, place, created, is_complete, ones, bits in found
        ]
        return sorted(bitmaps, key=lambda bitmap: (bitmap.size, bitmap.place))

    async def begin(self, size: int) -> None:
        """Create the bitmaps of a filter of this size; from now on creates add their keys to it too. Repeatable."""
        for place in range(self.places(size)):
            await self._run(_BEGIN, [REGISTRY], self._ending(size, place))

    async def complete(self, bitmap: Bitmap, bits: bytes | bytearray) -> bool:
        """Set `bits` and mark the bitmap as complete, in one step; once all of its filter are, delete other filters.

        False, with nothing changed, if the bitmap is gone or not all bits have arrived.
        """
        draft = f"{REGISTRY}:draft:{uuid4()}"
        ones = 0
        for start in range(0, len(bits), _CHUNK_BYTES):
            chunk = bytes(bits[start : start + _CHUNK_BYTES])
            ones += int.from_bytes(chunk).bit_count()
            await self._write(draft, start, chunk)
        try:
            ending = self._ending(bitmap.size, bitmap.place)
            done = await self._run(_COMPLETE, [REGISTRY, draft], ending, bitmap.created, ones)
        finally:
            await self._redis.call(lambda redis: redis.unlink(draft), bypass_breaker=True)
        return done == 1

    def _ending(self, size: int, place: int) -> str:
        """The ending of a bitmap's name: its size as a power of two.

        For a part, a 0 precedes it for each doubling from the part to the filter, and a point and `place` + 1 zeros
        follow. The previous release, which sets bits in all bitmaps that it finds, reads the same number.
        """
        part = self.bits_of(size)
        return str(size) if size == part else "0" * (size - part) + f"{part}." + "0" * (place + 1)

    async def _write(self, draft: str, start: int, chunk: bytes) -> None:
        async def write(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=True)
            pipeline.setrange(draft, start, chunk)
            pipeline.expire(draft, _DRAFT_SECONDS)
            await pipeline.execute()

        await self._redis.call(write)

    async def _run(self, script: FilterScript, keys: list[str], *arguments: str | int) -> object:
        return await self._redis.call(lambda redis: script.run(redis, keys, [*self._arguments, *arguments]))


def rules(hasher: KeyHasher) -> str:
    """The rules and the secret by which keys become bits, as a part of a bitmap's name."""
    return f"{_RULES}-{hasher.fingerprint}"
