"""Queries of the ingest. All that is written is sorted by key: every transaction locks rows in this order."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg
from sqlalchemy import Text, any_, bindparam, delete, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from main_service.engines.postgres import Session
from main_service.entries import link_targets
from main_service.entries.models import Entry
from main_service.errors import DatabaseUnavailableError
from main_service.monitoring import tracing
from main_service.visit_stream.record import RecordedVisit
from main_service.visits.aggregate import DayValueCount, VisitCounts, VisitedEntry
from main_service.visits.copy_rows import COLUMNS, copy_data
from main_service.visits.enrich import PASTE, Target, read_target
from main_service.visits.models import OTHER, VisitBatch, visit

MAX_VALUES = 100
"""Values kept of an entry, a day and a dimension, besides `OTHER`."""
INGEST_LOCK = 5_710_264_840
"""The number of the advisory lock. Any number that nothing else locks."""

_AWAY = (asyncpg.PostgresConnectionError, asyncpg.InsufficientResourcesError, asyncpg.OperatorInterventionError)
"""What `Session` takes for an unavailable database: connection lost, out of resources, shut down, cancelled."""
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:lock)").bindparams(lock=INGEST_LOCK)
_LOCK = text("SELECT pg_advisory_xact_lock(:lock)").bindparams(lock=INGEST_LOCK)

_TAKE_NEW = text(
    "INSERT INTO visit_batch (id) SELECT * FROM unnest(CAST(:ids AS uuid[])) ON CONFLICT DO NOTHING RETURNING id"
)
_REOPEN_MONTHS = text(
    """
    INSERT INTO visit_month (key, month)
    SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:months AS date[]))
    ON CONFLICT (key, month) DO UPDATE SET people = NULL, bots = NULL, visitors = NULL
    WHERE visit_month.people IS NOT NULL
    """
)
_ADD_HOURS = text(
    """
    INSERT INTO visit_hour (key, hour_at, people, bots, day_visitors)
    SELECT * FROM unnest(
        CAST(:keys AS text[]), CAST(:hours AS timestamptz[]), CAST(:people AS bigint[]), CAST(:bots AS bigint[]),
        CAST(:day_visitors AS integer[])
    )
    ON CONFLICT (key, hour_at) DO UPDATE SET
        people = visit_hour.people + excluded.people,
        bots = visit_hour.bots + excluded.bots,
        day_visitors = greatest(visit_hour.day_visitors, excluded.day_visitors)
    """
)
_ADD_VALUES = text(
    """
    INSERT INTO visit_day_value (key, day, dimension, value, visits)
    SELECT * FROM unnest(
        CAST(:keys AS text[]), CAST(:days AS date[]), CAST(:dimensions AS text[]), CAST(:values AS text[]),
        CAST(:visits AS bigint[])
    )
    ON CONFLICT (key, day, dimension, value) DO UPDATE SET visits = visit_day_value.visits + excluded.visits
    """
)
_FOLD_VALUES = text(
    """
    WITH crowded AS (
        SELECT key, day, dimension
        FROM unnest(CAST(:keys AS text[]), CAST(:days AS date[])) AS touched (key, day)
        JOIN visit_day_value USING (key, day)
        WHERE value <> :other
        GROUP BY key, day, dimension
        HAVING count(*) > :most
    ), ranked AS (
        SELECT key, day, dimension, value,
               row_number() OVER (PARTITION BY key, day, dimension ORDER BY visits DESC, value) AS place
        FROM crowded JOIN visit_day_value USING (key, day, dimension)
        WHERE value <> :other
    ), folded AS (
        DELETE FROM visit_day_value AS gone USING ranked
        WHERE (gone.key, gone.day, gone.dimension, gone.value)
              = (ranked.key, ranked.day, ranked.dimension, ranked.value) AND place > :most
        RETURNING gone.key, gone.day, gone.dimension, gone.visits
    )
    INSERT INTO visit_day_value (key, day, dimension, value, visits)
    SELECT key, day, dimension, :other, sum(visits) FROM folded GROUP BY key, day, dimension
    ON CONFLICT (key, day, dimension, value) DO UPDATE SET visits = visit_day_value.visits + excluded.visits
    """
).bindparams(other=OTHER, most=MAX_VALUES)
_ADD_TO_ENTRIES = text(
    """
    WITH locked AS (
        SELECT key FROM entry WHERE key = ANY(CAST(:keys AS text[])) ORDER BY key FOR NO KEY UPDATE
    )
    UPDATE entry SET
        visit_count = visit_count + counted.people,
        bot_count = bot_count + counted.bots,
        -- Of an entry that was emptied nothing comes back but figures.
        last_visit_at = CASE WHEN original_url IS NULL AND body_id IS NULL THEN last_visit_at
                             ELSE greatest(last_visit_at, counted.visited_at) END
    FROM locked JOIN unnest(
        CAST(:keys AS text[]), CAST(:people AS bigint[]), CAST(:bots AS bigint[]), CAST(:last_visits AS timestamptz[])
    ) AS counted (key, people, bots, visited_at) USING (key)
    WHERE entry.key = counted.key
    """
)


async def try_lock(session: Session) -> bool:
    """Take the ingest's lock until this transaction ends; False if another transaction has it."""
    is_ours: bool = (await session.execute(_TRY_LOCK)).scalar_one()
    return is_ours


async def lock(session: Session) -> None:
    """Wait for the ingest's lock, and take it until this transaction ends."""
    await session.execute(_LOCK)


async def take_new(session: Session, batch_ids: Collection[UUID]) -> set[UUID]:
    """Record the ids of batches; return those that were not there yet, whose visits are to be stored."""
    if not batch_ids:
        return set()
    rows = await session.execute(_TAKE_NEW, {"ids": list(batch_ids)})
    return set(rows.scalars())


async def delete_batches(session: Session, *, before: datetime) -> int:
    """Delete the ids of batches that came to PostgreSQL earlier; return how many."""
    statement = delete(VisitBatch).where(VisitBatch.ingested_at < before)
    deleted: int = (await session.execute(statement, execution_options={"synchronize_session": False})).rowcount
    return deleted


async def find_entries(
    session: Session, keys: Collection[str], visits: Sequence[RecordedVisit], *, since: datetime
) -> dict[str, VisitedEntry]:
    """The entries of these keys, live or ended, with the targets that links had when they were visited.

    `since`: when the first of these visits was.
    """
    # One array parameter, because PostgreSQL takes at most 32,767 parameters.
    statement = select(Entry.key, Entry.owner_id, Entry.original_url).where(
        Entry.key == any_(bindparam("keys", list(keys), ARRAY(Text)))
    )
    found: dict[str, VisitedEntry] = {}
    links = set()
    async for rows in session.partitions(statement, {}, size=link_targets.MAX_IN_MEMORY):
        for key, owner_id, original_url in rows:
            found[key] = VisitedEntry(owner_id, PASTE if original_url is None else read_target(original_url))
            if original_url is not None:
                links.add(key)
    for key, targets in (await _find_targets(session, links, visits, since=since)).items():
        found[key] = found[key]._replace(earlier=tuple(sorted(targets.items())))
    return found


async def _find_targets(
    session: Session, keys: Collection[str], visits: Sequence[RecordedVisit], *, since: datetime
) -> dict[str, dict[int, Target]]:
    """The targets of links that changed since, by key and by the time from which they held, in milliseconds since 1970.

    Only targets to which one of the visits led are there.
    """
    changed = await link_targets.list_changed(session, keys, since=since)
    if not changed:
        return {}
    targets: dict[str, dict[int, Target]] = {key: {} for key in changed}
    instants = {(visit[1], visit[0]) for visit in visits if visit[1] in changed}
    async for led in link_targets.list_at(session, instants):
        targets[led.key][round(led.valid_from.timestamp() * 1000)] = read_target(led.original_url)
    return targets


async def insert_visits(session: Session, rows: Iterator[bytes]) -> None:
    """Insert rows by COPY. `rows`: as `copy_rows` makes them; taken while they are sent."""
    connection = await (await session.connection()).get_raw_connection()
    driver = connection.driver_connection
    assert driver is not None
    try:
        with tracing.span("COPY visit"):
            await driver.copy_to_table(visit.name, source=copy_data(rows), columns=COLUMNS, format="binary")
    except (OSError, TimeoutError, asyncpg.InterfaceError, *_AWAY) as error:
        # COPY bypasses SQLAlchemy, so Session does not translate its errors.
        await session.invalidate()
        raise DatabaseUnavailableError from error


async def reopen_months(session: Session, hours: Collection[tuple[str, datetime]]) -> None:
    """Clear the rollups of the months of these hours, so that they are made again after this transaction.

    Their rows are locked even if there is nothing to clear: the rollup and this transaction wait for each other.
    """
    rows = sorted({(key, hour_at.date().replace(day=1)) for key, hour_at in hours})
    await session.execute(_REOPEN_MONTHS, _columns(rows, "keys", "months"))


async def add_hours(
    session: Session, hours: Mapping[tuple[str, datetime], VisitCounts], day_visitors: Mapping[tuple[str, date], int]
) -> None:
    """Add visits to their hours. `day_visitors`: the estimate of different people by key and day."""
    rows = [
        (key, hour_at, people, bots, day_visitors.get((key, hour_at.date()), 0))
        for (key, hour_at), (people, bots) in sorted(hours.items())
    ]
    await session.execute(_ADD_HOURS, _columns(rows, "keys", "hours", "people", "bots", "day_visitors"))


async def add_values(session: Session, values: Collection[DayValueCount]) -> None:
    """Add visits to their values; then merge all but the `MAX_VALUES` with most visits into `OTHER`, for good.

    The values of a dimension go on adding up to the visits of people.
    """
    rows = sorted(values)
    await session.execute(_ADD_VALUES, _columns(rows, "keys", "days", "dimensions", "values", "visits"))
    await session.execute(_FOLD_VALUES, _columns(sorted({row[:2] for row in rows}), "keys", "days"))


async def add_to_entries(
    session: Session, counts: Mapping[str, VisitCounts], last_visits: Mapping[str, datetime]
) -> None:
    """Add to the counts of entries. To be called last: until the transaction ends, changes of these entries wait."""
    rows = [(key, people, bots, last_visits.get(key)) for key, (people, bots) in sorted(counts.items())]
    await session.execute(_ADD_TO_ENTRIES, _columns(rows, "keys", "people", "bots", "last_visits"))


def _columns(rows: Sequence[tuple[object, ...]], *names: str) -> dict[str, list[object]]:
    """The columns of rows as arrays, as `unnest` takes them."""
    return (
        {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
        if rows
        else {name: [] for name in names}
    )
