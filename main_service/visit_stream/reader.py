"""The stream of Redis in which visits wait for PostgreSQL, from the side that takes them out."""

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from main_service.engines.redis import RedisClient
from main_service.visit_stream.record import STREAM

POISON = "visits:{0}:poison"
POISON_KEPT = 1_000
"""Records, about; the oldest go first."""
GROUP = "ingest"
FAILURES = "visits:{0}:failures"
"""How often records of the stream could not be stored though they were tried alone: id → count."""
FAILURES_KEPT = timedelta(days=1)
CONSUMER = "ingest"
"""One for all workers, as only one of them reads at a time: so the next one finds at once what a dead one left."""
RECORDS_PER_READ = 50
"""Each may hold a thousand visits with headers as long as they may be, and Redis has 2 s to send them all."""

Fields = dict[bytes, bytes]


class Record(NamedTuple):
    id: bytes
    fields: Fields
    """Empty: it was deleted, and only the group remembers it."""


class VisitStream:
    """One for each run. Reads what earlier runs have left unsettled first."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._ahead: deque[Record] = deque()
        """Read and not taken yet. Another run may take them meanwhile, which does no harm."""
        self._left_after: bytes | None = b"0"
        """What earlier runs have left is read up to here; None: all of it."""

    async def next(self) -> Record | None:
        """The next record; None at the end of the stream.

        Raises:
            RedisUnavailableError
        """
        if not self._ahead:
            self._ahead.extend(await self._read_some())
        return self._ahead.popleft() if self._ahead else None

    async def _read_some(self) -> list[Record]:
        if self._left_after is not None:
            if records := await self._read(self._left_after):
                self._left_after = records[-1].id
                return records
            self._left_after = None
        return await self._read(b">")

    async def find(self, record_id: bytes) -> Record:
        """Once more a record that was read before.

        Raises:
            RedisUnavailableError
        """

        async def get(redis: Redis) -> Record:
            records = cast("list[tuple[bytes, Fields]]", await redis.xrange(STREAM, record_id, record_id))
            return Record(record_id, records[0][1] if records else {})

        return await self._redis.call(get)

    async def settle(self, record_ids: Sequence[bytes]) -> None:
        """Take records out that PostgreSQL has.

        Raises:
            RedisUnavailableError: the next run reads them again.
        """

        async def acknowledge_and_delete(redis: Redis) -> None:
            # Deleted but not acknowledged, or the other way round, a record would stay in one of the lists for ever.
            async with redis.pipeline(transaction=True) as pipe:
                pipe.xack(STREAM, GROUP, *record_ids)
                pipe.xdel(STREAM, *record_ids)
                await pipe.execute()

        await self._redis.call(acknowledge_and_delete)

    async def count_failure(self, record_id: bytes) -> int:
        """Note that a record could not be stored; return how often that was so.

        Raises:
            RedisUnavailableError: it may have been noted.
        """

        async def count(redis: Redis) -> int:
            async with redis.pipeline(transaction=True) as pipe:
                pipe.hincrby(FAILURES, record_id.decode(), 1)
                pipe.expire(FAILURES, FAILURES_KEPT)
                return cast("int", (await pipe.execute())[0])

        return await self._redis.call(count)

    async def set_aside(self, records: Sequence[Record]) -> None:
        """Keep records that nobody can read or store where somebody may look at them.

        Raises:
            RedisUnavailableError: also if there is no memory for them.
        """

        async def add(redis: Redis) -> None:
            async with redis.pipeline(transaction=False) as pipe:
                for record in records:
                    pipe.xadd(POISON, cast("dict[Any, Any]", record.fields), maxlen=POISON_KEPT)
                await pipe.execute()

        await self._redis.call(add)

    async def oldest_ms(self) -> int | None:
        """When the oldest record was added, in milliseconds since 1970; None if there is none.

        Raises:
            RedisUnavailableError
        """

        async def first(redis: Redis) -> int | None:
            records = cast("list[tuple[bytes, Fields]]", await redis.xrange(STREAM, count=1))
            return int(records[0][0].partition(b"-")[0]) if records else None

        return await self._redis.call(first)

    async def _read(self, after: bytes) -> list[Record]:
        async def read_once(redis: Redis) -> list[Record]:
            answer = await redis.xreadgroup(GROUP, CONSUMER, {STREAM: after}, count=RECORDS_PER_READ)
            # One stream was asked for; there is no answer for it when it has no more records.
            streams = cast("list[tuple[bytes, list[tuple[bytes, Fields]]]]", answer)
            return [Record(record_id, fields) for _, records in streams for record_id, fields in records]

        async def read_group(redis: Redis) -> list[Record]:
            try:
                return await read_once(redis)
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                # The first run ever, or Redis has lost everything.
                await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
                return await read_once(redis)

        return await self._redis.call(read_group)
