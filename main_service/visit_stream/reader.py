"""Reads the stream of Redis in which visits wait for PostgreSQL: records, their acknowledgement, dead letters."""

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from main_service.engines.redis import RedisClient
from main_service.visit_stream.record import STREAM

DEAD_LETTERS = "visits:{0}:poison"
"""The stream of records that could not be read or stored."""
DEAD_LETTERS_KEPT = 1_000
"""About so many records; the oldest go first."""
GROUP = "ingest"
FAILURES = "visits:{0}:failures"
"""A hash of how often records of the stream could not be stored though they were tried alone, by id."""
FAILURES_KEPT = timedelta(days=1)
CONSUMER = "ingest"
"""The same for all workers, of which one reads at a time: so the next one finds at once what a dead one left."""
RECORDS_PER_READ = 50
"""Few, because each may hold a thousand visits with very long headers, and Redis has 2 s to send them all."""

RecordFields = dict[bytes, bytes]


class Record(NamedTuple):
    id: bytes
    fields: RecordFields
    """Empty: it was deleted, and only the group remembers it."""


class VisitStream:
    """The stream as one run of the ingest reads it: first what earlier runs left unacknowledged, then what is new."""

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
        """Read a record once more.

        Raises:
            RedisUnavailableError
        """

        async def get(redis: Redis) -> Record:
            records = cast("list[tuple[bytes, RecordFields]]", await redis.xrange(STREAM, record_id, record_id))
            return Record(record_id, records[0][1] if records else {})

        return await self._redis.call(get)

    async def ack(self, record_ids: Sequence[bytes]) -> None:
        """Acknowledge records that PostgreSQL has, and delete them from the stream.

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
        """Count that a record could not be stored; return how often that was so.

        Raises:
            RedisUnavailableError: it may have been counted.
        """

        async def count(redis: Redis) -> int:
            async with redis.pipeline(transaction=True) as pipe:
                pipe.hincrby(FAILURES, record_id.decode(), 1)
                pipe.expire(FAILURES, FAILURES_KEPT)
                return cast("int", (await pipe.execute())[0])

        return await self._redis.call(count)

    async def dead_letter(self, records: Sequence[Record]) -> None:
        """Add records that can't be read or stored to the dead letters, where an operator may look at them.

        Raises:
            RedisUnavailableError: also if there is no memory for them.
        """

        async def add(redis: Redis) -> None:
            async with redis.pipeline(transaction=False) as pipe:
                for record in records:
                    pipe.xadd(DEAD_LETTERS, cast("dict[Any, Any]", record.fields), maxlen=DEAD_LETTERS_KEPT)
                await pipe.execute()

        await self._redis.call(add)

    async def oldest_ms(self) -> int | None:
        """When the oldest record was added, in milliseconds since 1970; None if there is none.

        Raises:
            RedisUnavailableError
        """

        async def first(redis: Redis) -> int | None:
            records = cast("list[tuple[bytes, RecordFields]]", await redis.xrange(STREAM, count=1))
            return int(records[0][0].partition(b"-")[0]) if records else None

        return await self._redis.call(first)

    async def _read(self, after: bytes) -> list[Record]:
        async def read_once(redis: Redis) -> list[Record]:
            answer = await redis.xreadgroup(GROUP, CONSUMER, {STREAM: after}, count=RECORDS_PER_READ)
            # The reply has no entry for the stream when there are no more records.
            streams = cast("list[tuple[bytes, list[tuple[bytes, RecordFields]]]]", answer)
            return [Record(record_id, fields) for _, records in streams for record_id, fields in records]

        async def read_group(redis: Redis) -> list[Record]:
            try:
                return await read_once(redis)
            except ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                # The first run ever, or Redis has lost all data.
                await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
                return await read_once(redis)

        return await self._redis.call(read_group)
