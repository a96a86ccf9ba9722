"""Adds batches of visits to the stream as a web process does, has them ingested, and reads what was counted."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import redis

from main_service.settings import Settings
from main_service.visits.tasks import ingest_visits
from tests.support.engines import Environment
from tests.support.entries import insert_entry

STREAM = "visits:{0}"
DEAD_LETTERS = "visits:{0}:poison"

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
PHONE = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"
    " Mobile Safari/537.36"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

DIMENSIONS = ("browser", "country", "device", "language", "os", "referrer")

RecordedVisit = list[Any]


def at_ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def visit_to(key: str, **fields: Any) -> RecordedVisit:
    """By a person with Firefox, now, but for `fields`."""
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


def settings_of(environment: Environment) -> Settings:
    values = {name[5:].lower(): value for name, value in environment.items() if name.startswith("MAIN_")}
    return Settings(**values)  # type: ignore[arg-type]


async def ingest(environment: Environment) -> int:
    return await ingest_visits(settings_of(environment))


async def insert_link(database: asyncpg.Connection, **columns: Any) -> str:
    """An entry that nobody has visited; return its key."""
    return await insert_entry(database, **{"key": f"v-{uuid4().hex[:16]}", **columns})


async def counted(database: asyncpg.Connection, key: str) -> tuple[int, int]:
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


async def values(database: asyncpg.Connection, key: str, dimension: str) -> dict[str, int]:
    """Visits of people by value, all days together."""
    rows = await database.fetch(
        "SELECT value, sum(visits) AS visits FROM visit_day_value WHERE key = $1 AND dimension = $2 GROUP BY value",
        key,
        dimension,
    )
    return {row["value"]: int(row["visits"]) for row in rows}


def left(valkey: "redis.Redis[str]") -> tuple[int, int]:
    """Records in the stream, and those that the group takes for being worked at."""
    groups = valkey.xinfo_groups(STREAM)
    return valkey.xlen(STREAM), sum(group["pending"] for group in groups)
