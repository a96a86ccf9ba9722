"""Brings visits from the stream to PostgreSQL, each exactly once, through crashes of anything at any time."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import async_sessionmaker

from main_service.engines.postgres import Session
from main_service.engines.redis import RedisUnavailableError
from main_service.entries.aliases import is_key
from main_service.errors import UnavailableError
from main_service.monitoring.metrics import VISITS_INGESTED
from main_service.visit_stream.reader import Record, VisitStream
from main_service.visit_stream.record import RecordedVisit, read_batch
from main_service.visits import storage
from main_service.visits.aggregate import Aggregator
from main_service.visits.countries import Countries
from main_service.visits.ingest_errors import describe, is_transient
from main_service.visits.unique_visitors import UniqueVisitors

logger = logging.getLogger(__name__)

VISITS_PER_PORTION = 50_000
ENTRIES_PER_PORTION = 5_000
"""Their rows are locked together, and a request that changes one of them waits."""
RECORDS_PER_PORTION = 2_000
TRIES = 3
"""Rounds in which a batch may fail alone while others are stored, before it becomes a dead letter."""


@dataclass
class _Portion:
    """Records that become one transaction."""

    record_ids: list[bytes] = field(default_factory=list)
    batches: dict[UUID, list[RecordedVisit]] = field(default_factory=dict)
    dead_letters: list[Record] = field(default_factory=list)
    """Records that can't be read."""
    visits: int = 0
    keys: set[str] = field(default_factory=set)
    """The keys that the visits name; they may be no keys at all."""

    def add(self, record: Record) -> None:
        self.record_ids.append(record.id)
        if not record.fields:
            return
        try:
            batch_id, visits = read_batch(record.fields)
        except ValueError as error:
            logger.error("Record %s of the visits can't be read: %s", record.id.decode(), type(error).__name__)
            self.dead_letters.append(record)
            return
        # If a batch was added twice, the first record counts.
        if batch_id not in self.batches:
            self.batches[batch_id] = visits
            self.visits += len(visits)
            self.keys.update(visit[1] for visit in visits)

    @property
    def is_full(self) -> bool:
        return (
            self.visits >= VISITS_PER_PORTION
            or len(self.keys) >= ENTRIES_PER_PORTION
            or len(self.record_ids) >= RECORDS_PER_PORTION
        )


class Ingest:
    """Safe to run at any time, twice at once, and again after it was killed.

    A portion of the stream is one transaction, which also notes the ids of its batches. Only after its commit are the
    records taken out of the stream: a run killed in between leaves some that come again, and are known by their ids.
    """

    def __init__(
        self,
        *,
        sessions: async_sessionmaker[Session],
        stream: VisitStream,
        visitors: UniqueVisitors,
        countries: Countries,
    ) -> None:
        self._sessions = sessions
        self._stream = stream
        self._visitors = visitors
        self._countries = countries
        self._refused: dict[bytes, str] = {}
        """Records of this run that failed alone, and why."""

    async def run(self, *, until: float) -> int:
        """Take portions until the stream is empty, another run is at it, or `until`, a time of `time.monotonic`, is
        past; return how many visits were counted.

        Raises:
            DatabaseUnavailableError, RedisUnavailableError: what is left is done by the next run.
        """
        total = 0
        while True:
            portion = _Portion()
            async with self._sessions() as session:
                if not await storage.try_lock(session):
                    break
                while not portion.is_full and (record := await self._stream.next()):
                    portion.add(record)
                counted, error = await self._try_to_store(session, portion)
            if error is None:
                total += counted
                await self._ack(portion)
            else:
                logger.error("Visits can't be stored, so their batches are tried one by one: %s", describe(error))
                total += await self._store_one_by_one(portion.record_ids)
            if not portion.is_full or time.monotonic() >= until:
                break
        if total:
            # If nothing could be stored at all, no single batch is at fault.
            await self._count_failures()
        return total

    async def _try_to_store(self, session: Session, portion: _Portion) -> tuple[int, Exception | None]:
        """How many visits were counted and committed; or 0, and the error that is not transient."""
        try:
            counted = await self._store(session, portion)
            await session.commit()
        except (UnavailableError, RedisUnavailableError):
            raise
        except Exception as error:
            # A problem with one batch must not keep all others waiting for ever.
            if is_transient(error):
                raise
            return 0, error
        VISITS_INGESTED.inc(counted)
        return counted, None

    async def _store_one_by_one(self, record_ids: Sequence[bytes]) -> int:
        """Store each record in a transaction of its own; return how many visits were counted."""
        total = 0
        for record_id in record_ids:
            record = await self._stream.find(record_id)
            portion = _Portion()
            portion.add(record)
            async with self._sessions() as session:
                if not await storage.try_lock(session):
                    return total
                counted, error = await self._try_to_store(session, portion)
            if error is None:
                total += counted
                await self._ack(portion)
            else:
                self._refused[record_id] = describe(error)
        return total

    async def _count_failures(self) -> None:
        """Count this run for each record that failed alone; those that failed `TRIES` times become dead letters."""
        for record_id, why in self._refused.items():
            failures = await self._stream.count_failure(record_id)
            if failures < TRIES:
                logger.warning("Record %s of the visits waits: it could not be stored", record_id.decode())
                continue
            if (record := await self._stream.find(record_id)).fields:
                await self._stream.dead_letter([record])
            await self._stream.ack([record_id])
            logger.error(
                "Record %s of the visits is a dead letter: it could not be stored in %d rounds: %s",
                record_id.decode(),
                failures,
                why,
            )

    async def _store(self, session: Session, portion: _Portion) -> int:
        """Write a portion into the tables; return how many of its visits were not there yet."""
        new = await storage.take_new(session, portion.batches)
        visits = [visit for batch_id in new for visit in portion.batches[batch_id]]
        if not visits:
            return 0
        keys = {key for key in portion.keys if is_key(key)}
        entries = await storage.find_entries(session, keys, visits, since=_earliest(visits))
        aggregator = Aggregator(entries, self._countries)
        await storage.insert_visits(session, aggregator.rows(visits))
        aggregate = aggregator.result()
        if aggregate.dropped:
            logger.error("Dropped %d visits to keys that have no row", aggregate.dropped)
        # Before the commit, because this can be repeated and the transaction can't.
        day_visitors = await self._visitors.add(aggregate.visitors)
        await storage.reopen_months(session, aggregate.hours)
        await storage.add_hours(session, aggregate.hours, day_visitors)
        await storage.add_values(session, aggregate.values)
        await storage.add_to_entries(session, aggregate.entries, aggregate.last_visits)
        return len(visits) - aggregate.dropped

    async def _ack(self, portion: _Portion) -> None:
        if portion.dead_letters:
            try:
                await self._stream.dead_letter(portion.dead_letters)
            except RedisUnavailableError as error:
                # Redis has no memory for dead letters, which must not hold up visits.
                logger.error("%d records are given up: %s", len(portion.dead_letters), error)
        if portion.record_ids:
            await self._stream.ack(portion.record_ids)


def _earliest(visits: Sequence[RecordedVisit]) -> datetime:
    """When the first of the visits was; at the latest now, whatever they say."""
    now_ms = time.time_ns() // 1_000_000
    return datetime.fromtimestamp(min(now_ms, *(visit[0] for visit in visits)) / 1000, UTC)
