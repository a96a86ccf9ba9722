"""Pending batches: visits that are to become a record of the stream, or of which Redis may have some already.

The script of the fast path records the visits of a batch to entries that are cached in Redis, and leaves the others
out. If its reply is lost, it may have run, or not, or may run later: a Redis that hung goes on with what it was sent,
in any order. So the visits are gathered again, and a second script adds them: all under the id of the batch, which
counts once; or, if the batch is recorded, only those that were left out, under another id. Both scripts run as one
step, so each order comes to the same.
"""

import asyncio
from collections.abc import Callable
from uuid import uuid4

from redis.asyncio import Redis

from main_service.engines.redis_scripts import Script
from main_service.monitoring import tracing
from main_service.visit_stream.record import FORMAT, ID_LIFETIME, STREAM, EncodedVisit, write_batch

_ID_SECONDS = int(ID_LIFETIME.total_seconds())

# KEYS: the stream, what the last batch of the connection left out, and that this script has run for this batch. ARGV:
# the batch's id, another id, the number of the format; then each visit behind its position in the batch.
_ADD_UNCONFIRMED = Script(f"""
if redis.call('EXISTS', KEYS[3]) == 1 then
  return
end
local left_out = redis.call('GET', KEYS[2]) or ''
local is_recorded = string.sub(left_out, 1, #ARGV[1]) == ARGV[1]
local visits = {{}}
for i = 4, #ARGV, 2 do
  if not is_recorded or string.find(left_out, ' ' .. ARGV[i] .. ' ', 1, true) then
    visits[#visits + 1] = ARGV[i + 1]
  end
end
if #visits > 0 then
  local id = is_recorded and ARGV[2] or ARGV[1]
  redis.call('XADD', KEYS[1], '*', 'id', id, 'f', ARGV[3], 'v', '[' .. table.concat(visits, ',') .. ']')
end
redis.call('SET', KEYS[3], '', 'EX', {_ID_SECONDS})
""")

SET_LEFT_OUT = f"redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. table.concat(left_out, ' ') .. ' ', 'EX', {_ID_SECONDS})"
"""Lua for a script that records only some visits of a batch: `left_out` holds the positions of the others, from 1."""


def left_out_name(connection_name: str) -> str:
    """The Redis key that tells which visits the last incomplete batch of a connection left out."""
    return f"{STREAM}:left_out:{connection_name}"


class Batch:
    """Visits that are one record of the stream. Its id tells those who read it that it came twice."""

    def __init__(self, batch_id: str | None = None) -> None:
        self.id = batch_id or str(uuid4())
        self.visits: list[EncodedVisit] = []
        self.size_bytes = 0
        """The size of the visits."""
        self.is_closed = False
        """It may be in the stream already, so nothing joins it."""
        self.origins: list[tracing.Origin] = []
        """The spans of visitors that wait for it, if they are sampled."""
        self.is_acknowledged = asyncio.Event()
        """Its visitors may be answered: Redis has it, or they no longer wait for that."""

    def append(self, visit: EncodedVisit) -> None:
        self.visits.append(visit)
        self.size_bytes += len(visit)
        if (origin := tracing.origin()) is not None:
            self.origins.append(origin)

    def drop_last(self) -> int:
        """Drop the newest visit; return its size in bytes."""
        size_bytes = len(self.visits.pop())
        self.size_bytes -= size_bytes
        return size_bytes

    async def add(self, redis: Redis) -> None:
        """Add it to the stream. If this fails it may have been added, and can be added again."""
        await redis.xadd(STREAM, write_batch(self.id, self.visits))


class UnconfirmedBatch(Batch):
    """A batch of the fast path that Redis may have. Its visits are gathered again as its readers are answered."""

    def __init__(
        self, batch_id: str, connection_name: str, *, on_gathered: "Callable[[UnconfirmedBatch], None]"
    ) -> None:
        """`on_gathered`: called after each visit that is gathered; it may drop that one."""
        super().__init__(batch_id)
        self._connection_name = connection_name
        self._on_gathered = on_gathered
        self._id_of_left_out = str(uuid4())
        self._positions: list[int] = []

    def at(self, position: int) -> "UnconfirmedVisit":
        """The visit at a position of the batch, from 1."""
        return UnconfirmedVisit(self, position)

    def append_at(self, position: int, visit: EncodedVisit) -> None:
        self._positions.append(position)
        self.append(visit)
        self._on_gathered(self)

    def drop_last(self) -> int:
        self._positions.pop()
        return super().drop_last()

    async def add(self, redis: Redis) -> None:
        keys = [STREAM, left_out_name(self._connection_name), f"{STREAM}:retried:{self.id}"]
        arguments: list[bytes | str | int] = [self.id, self._id_of_left_out, FORMAT]
        for position, visit in zip(self._positions, self.visits, strict=True):
            arguments += [position, visit]
        await _ADD_UNCONFIRMED.run(redis, keys, arguments)


class UnconfirmedVisit:
    """A place in an unconfirmed batch, for the visit of a reader who is answered without it."""

    def __init__(self, batch: UnconfirmedBatch, position: int) -> None:
        self._batch = batch
        self._position = position

    def add(self, visit: EncodedVisit) -> bool:
        """False if it comes too late, and must be recorded by itself."""
        if self._batch.is_closed:
            return False
        self._batch.append_at(self._position, visit)
        return True
