"""The bitmaps of the membership filter in Redis: which there are, and which of them may be relied on.

`known:{0}` names them and says since when there is each. They belong to one run of the server: one that was started
again, or took over from another, may have lost bits, and has another run id. Each script asks for that id at the place
where it looks, so no process can take another server's bitmaps for this one's; what belongs to another run, or was made
with another secret or by other rules, is deleted on sight, by whoever comes first.
"""

from dataclasses import dataclass
from typing import cast
from uuid import uuid4

from redis.asyncio import Redis

from main_service.engines.redis import CarefulRedis
from main_service.engines.redis_scripts import Script
from main_service.keys.bloom import KeyHasher

REGISTRY = "known:{0}"
FIRST_SIZE = 23
"""1 MiB, for 580,000 keys; with so many, 1 in 1,000 unknown ones is not told from them."""
_RULES = 1
"""The number of the way in which keys become bits."""
_SAMPLE_BYTES = 128 * 1024
"""Of a bitmap, to estimate how full it is: keys are spread evenly."""
_CHUNK_BYTES = 256 * 1024
_DRAFT_SECONDS = 600
"""Longer than it takes to write the largest; one whose worker died goes by itself."""

# KEYS[1]: the registry. ARGV[1]: rules and secret; ARGV[2]: the size of a first bitmap. `born`: since when there is the
# bitmap of each size, in Redis' time; only ever compared for equality. A script that may write is refused as a whole by
# a Redis that takes no writes: creates can't set their bits there, so nobody shall ask for bits either. But none needs
# memory, so where others are refused for lack of it, these go on.
PREAMBLE = """#!lua flags=allow-oom
local registry, born = KEYS[1], {}
local info = redis.pcall('INFO', 'server')
local run_id = type(info) == 'string' and string.match(info, 'run_id:(%x+)')
local start = registry .. ':' .. (run_id or '') .. ':' .. ARGV[1] .. ':'

local function begin(size)
  local now = redis.call('TIME')
  born[size] = now[1] .. '.' .. now[2]
  redis.call('UNLINK', start .. size)
  redis.call('SETBIT', start .. size, 7 + 2 ^ size, 0)
  redis.call('HSET', registry, start .. size, born[size])
end

local found = redis.call('HGETALL', registry)
for i = 1, #found, 2 do
  local name = found[i]
  if run_id and string.sub(name, 1, #start) == start and redis.call('EXISTS', name) == 1 then
    born[string.sub(name, #start + 1)] = found[i + 1]
  else
    redis.call('UNLINK', name)
    redis.call('HDEL', registry, name)
  end
end
if run_id and not next(born) then
  begin(ARGV[2])
end
"""


class FilterScript(Script):
    """Lua that follows `PREAMBLE`."""

    def __init__(self, lua: str) -> None:
        super().__init__(PREAMBLE + lua)


_LIST = FilterScript(f"""
local bitmaps = {{}}
for size, since in pairs(born) do
  local bytes = math.min(2 ^ size / 8, {_SAMPLE_BYTES})
  local ones = redis.call('BITCOUNT', start .. size, 1, bytes)
  local is_complete = redis.call('GETBIT', start .. size, 0)
  bitmaps[#bitmaps + 1] = {{tonumber(size), since, is_complete, ones > bytes * 4 and 1 or 0}}
end
return bitmaps
""")

_BEGIN = FilterScript("""
if run_id and not born[ARGV[3]] then
  begin(ARGV[3])
end
""")

# ARGV[3] and [4]: the bitmap, KEYS[2]: its draft, ARGV[5]: how many bits are set there.
_COMPLETE = FilterScript("""
local size = ARGV[3]
if born[size] ~= ARGV[4] or redis.call('BITCOUNT', KEYS[2]) ~= tonumber(ARGV[5]) then
  return 0
end
redis.call('BITOP', 'OR', start .. size, start .. size, KEYS[2])
redis.call('SETBIT', start .. size, 0, 1)
for other in pairs(born) do
  if other ~= size then
    redis.call('UNLINK', start .. other)
    redis.call('HDEL', registry, start .. other)
  end
end
return 1
""")


@dataclass(frozen=True)
class Bitmap:
    size: int
    """It has 2^`size` bits."""
    born: str
    """Tells it from an earlier one of the same size."""
    is_complete: bool
    is_full: bool
    """Whether more than half of its bits are set."""


class KnownBitmaps:
    """For who fills them. All may raise RedisAwayError, with what was asked for done or not."""

    def __init__(self, redis: CarefulRedis, *, hasher: KeyHasher, first_size: int = FIRST_SIZE) -> None:
        self._redis = redis
        self._arguments: list[str | int] = [rules(hasher), first_size]
        self.hasher = hasher

    async def list_all(self) -> list[Bitmap]:
        """Smallest first. None only if the server does not tell its run id."""
        found = cast("list[list[int | bytes]]", await self._run(_LIST, [REGISTRY]))
        bitmaps = [
            Bitmap(int(size), cast("bytes", born).decode(), bool(is_complete), bool(is_full))
            for size, born, is_complete, is_full in found
        ]
        return sorted(bitmaps, key=lambda bitmap: bitmap.size)

    async def begin(self, size: int) -> None:
        """From now on creates set their bits in a bitmap of this size too."""
        await self._run(_BEGIN, [REGISTRY], size)

    async def complete(self, bitmap: Bitmap, bits: bytes | bytearray) -> bool:
        """Set `bits`, in a moment, and say that the bitmap is complete; then it is the only one.

        False, with nothing changed, if the bitmap is no more, or not all bits have arrived.
        """
        draft = f"{REGISTRY}:draft:{uuid4()}"
        ones = 0
        for start in range(0, len(bits), _CHUNK_BYTES):
            chunk = bytes(bits[start : start + _CHUNK_BYTES])
            ones += int.from_bytes(chunk).bit_count()
            await self._write(draft, start, chunk)
        try:
            done = await self._run(_COMPLETE, [REGISTRY, draft], bitmap.size, bitmap.born, ones)
        finally:
            await self._redis.ask(lambda redis: redis.unlink(draft), even_in_pause=True)
        return done == 1

    async def _write(self, draft: str, start: int, chunk: bytes) -> None:
        async def write(redis: Redis) -> None:
            pipeline = redis.pipeline(transaction=True)
            pipeline.setrange(draft, start, chunk)
            pipeline.expire(draft, _DRAFT_SECONDS)
            await pipeline.execute()

        await self._redis.ask(write)

    async def _run(self, script: FilterScript, keys: list[str], *arguments: str | int) -> object:
        return await self._redis.ask(lambda redis: script.run(redis, keys, [*self._arguments, *arguments]))


def rules(hasher: KeyHasher) -> str:
    """By which the bits of a key are found; part of a bitmap's name."""
    return f"{_RULES}-{hasher.fingerprint}"
