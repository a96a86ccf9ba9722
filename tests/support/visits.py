"""Puts visits into the stream, reads those that are there, has them ingested, and reads their counts."""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import asyncpg
import redis

from main_service.visit_stream.record import STREAM
from main_service.visits.tasks import ingest_visits
from tests.support.engines import Environment
from tests.support.entries import insert_entry
from tests.support.settings import task_resources
from tests.support.waiting import eventually

DEAD_LETTERS = "visits:{0}:poison"

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
ANDROID_CHROME = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"
    " Mobile Safari/537.36"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

DIMENSIONS = ("browser", "country", "device", "language", "os", "referrer")

RecordedVisit = list[Any]


def at_ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def visit_to(key: str, **fields: Any) -> RecordedVisit:
    """A visit of a person with Firefox, now, but for `fields`."""
    visit = {
        "at_ms": at_ms(datetime.now(UTC)),
        "key": key,
        "ip": "203.0.113.0",
        "visitor": uuid4().hex[:16],
        "user_agent": FIREFOX,
        "referrer": "https://forum.example.net/thread/4711",
        "language": "en-GB",
    }
    assert fields.keys() <= visit.keys()
    return list({**visit, **fields}.values())


def add_batch(valkey: "redis.Redis[str]", visits: Sequence[RecordedVisit], *, batch_id: UUID | None = None) -> UUID:
    batch_id = batch_id or uuid4()
    record = {"id": str(batch_id), "f": "1", "v": json.dumps(visits, ensure_ascii=False, separators=(",", ":"))}
    valkey.xadd(STREAM, record)
    return batch_id


async def ingest(environment: Environment) -> int:
    async with task_resources(environment) as resources:
        return await ingest_visits(resources)


async def insert_link(database: asyncpg.Connection, **columns: Any) -> str:
    """Insert a link without visits; return its key."""
    return await insert_entry(database, **{"key": f"v-{uuid4().hex[:16]}", **columns})


async def visit_counts(database: asyncpg.Connection, key: str) -> tuple[int, int]:
    """People and bots of an entry, after making sure that all tables tell the same."""
    row = await database.fetchrow("SELECT visit_count, bot_count FROM entry WHERE key = $1", key)
    people, bots = row["visit_count"], row["bot_count"]
    visits = await database.fetch("SELECT is_bot, count(*) FROM visit WHERE key = $1 GROUP BY is_bot", key)
    assert {row["is_bot"]: row["count"] for row in visits} == {
        is_bot: count for is_bot, count in ((False, people), (True, bots)) if count
    }
    sums = "SELECT sum(people) AS people, sum(bots) AS bots FROM visit_hour WHERE key = $1"
    hours = await database.fetchrow(sums, key)
    assert (hours["people"] or 0, hours["bots"] or 0) == (people, bots)
    totals = await database.fetch(
        "SELECT dimension, sum(visits) AS visits FROM visit_day_value WHERE key = $1 GROUP BY dimension", key
    )
    assert {row["dimension"]: row["visits"] for row in totals} == (dict.fromkeys(DIMENSIONS, people) if people else {})
    return people, bots


async def value_counts(database: asyncpg.Connection, key: str, dimension: str) -> dict[str, int]:
    """Visits of people by value, all days together."""
    rows = await database.fetch(
        "SELECT value, sum(visits) AS visits FROM visit_day_value WHERE key = $1 AND dimension = $2 GROUP BY value",
        key,
        dimension,
    )
    return {row["value"]: int(row["visits"]) for row in rows}


def remaining_records(valkey: "redis.Redis[str]") -> tuple[int, int]:
    """Records in the stream, and those that the group takes for being worked at."""
    groups = valkey.xinfo_groups(STREAM)
    return valkey.xlen(STREAM), sum(group["pending"] for group in groups)


OWN_REDIS_DATABASE = 9
"""A database of Valkey where only these tests take visits out of the stream."""


class StreamedVisit(NamedTuple):
    """The fields of a visit in the stream, in their order."""

    at_ms: int
    key: str
    ip: str | None
    visitor: str | None
    user_agent: str
    referrer: str
    language: str


def with_own_redis_database(environment: Environment) -> Environment:
    """The same engines, but keys, cache and visits of Valkey by themselves."""
    url = environment["MAIN_REDIS_URL"].partition("?")[0]
    return environment | {"MAIN_REDIS_URL": f"{url}?db={OWN_REDIS_DATABASE}"}


def newest_record_id(valkey: "redis.Redis[str]") -> str:
    """Where `read_batches` must begin in order to read only what is recorded from now on."""
    newest = valkey.xrevrange(STREAM, count=1)
    return f"({newest[0][0]}" if newest else "-"


def read_batches(valkey: "redis.Redis[str]", *, since: str = "-") -> list[tuple[str, list[StreamedVisit]]]:
    """Id and visits of each record, oldest first; `since`: from `newest_record_id`."""
    found = []
    for _, fields in valkey.xrange(STREAM, min=since):
        assert fields.keys() == {"id", "f", "v"}
        assert fields["f"] == "1"
        assert str(UUID(fields["id"])) == fields["id"]
        visits = [StreamedVisit(*fields) for fields in json.loads(fields["v"])]
        assert visits, "an empty record"
        found.append((fields["id"], visits))
    return found


def streamed_visits(valkey: "redis.Redis[str]", *keys: str, since: str = "-") -> list[StreamedVisit]:
    """All visits to these entries, in their order; a record that came again under its id counts once."""
    once = dict(reversed(read_batches(valkey, since=since)))
    return [visit for visits in reversed(once.values()) for visit in visits if visit.key in keys]


def count_streamed_visits(valkey: "redis.Redis[str]", keys: Collection[str]) -> Counter[str]:
    """Visits of each entry that had one."""
    return Counter(visit.key for visit in streamed_visits(valkey, *keys))


def wait_for_streamed_visits(valkey: "redis.Redis[str]", expected: Counter[str]) -> None:
    """Wait until the stream has as many visits to these entries; more are a failure."""

    def has_all() -> bool:
        found = count_streamed_visits(valkey, expected)
        assert found <= expected, (found, expected)
        return found == expected

    eventually(has_all, f"{expected.total()} visits in the stream")
