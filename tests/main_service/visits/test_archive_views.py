"""What operators read of ended entries and of the visits to them: the views `entry_archive` and `visit_archive`."""

from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
import redis

from tests.support.accounts import insert_owner
from tests.support.engines import Environment
from tests.support.entries import ago, create_link, ended, manage_headers
from tests.support.visits import GOOGLEBOT, add_batch, ingest, insert_link, visit_to


async def entry_archived(database: asyncpg.Connection, key: str) -> asyncpg.Record | None:
    return await database.fetchrow("SELECT * FROM entry_archive WHERE key = $1", key)


async def test_deleted_entry_and_its_visits_are_archived_with_time_and_reason(
    environment: Environment, client: httpx.Client, database: asyncpg.Connection, valkey: redis.Redis
) -> None:
    link = create_link(client)
    neighbour = await insert_link(database)
    add_batch(valkey, [visit_to(link["key"]), visit_to(link["key"], user_agent=GOOGLEBOT), visit_to(neighbour)])
    await ingest(environment)
    assert await entry_archived(database, link["key"]) is None
    assert await database.fetchval("SELECT count(*) FROM visit_archive WHERE key = $1", link["key"]) == 0

    assert client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).status_code == 204

    row = await entry_archived(database, link["key"])
    assert (row["archival_reason"], row["visit_count"], row["bot_count"]) == ("deleted", 1, 1)
    assert datetime.now(UTC) - row["archived_at"] < timedelta(minutes=5)
    visits = await database.fetch("SELECT * FROM visit_archive WHERE key = $1 ORDER BY is_bot", link["key"])
    assert [(visit["archived_at"], visit["archival_reason"]) for visit in visits] == 2 * [
        (row["archived_at"], "deleted")
    ]
    assert await entry_archived(database, neighbour) is None
    assert await database.fetchval("SELECT count(*) FROM visit_archive WHERE key = $1", neighbour) == 0


@pytest.mark.parametrize("reason", ["expired", "unused", "viewed"])
async def test_every_other_end_is_archived_too(database: asyncpg.Connection, reason: str) -> None:
    owner, ended_at = await insert_owner(database), ago(days=2)
    key = await insert_link(database, owner_id=owner, **ended(ended_at) | {"archival_reason": reason})

    row = await entry_archived(database, key)

    assert (row["archived_at"], row["archival_reason"], row["owner_id"]) == (ended_at, reason, owner)


async def test_entry_is_archived_with_its_last_visit_and_its_last_use(database: asyncpg.Connection) -> None:
    times = {"last_visit_at": ago(days=9), "used_at": ago(days=3)}
    key = await insert_link(database, **ended(ago(days=2)), **times)

    row = await entry_archived(database, key)

    assert {name: row[name] for name in times} == times


async def test_visits_are_archived_with_all_that_is_kept_of_them(database: asyncpg.Connection) -> None:
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = $1"
    names = {name: {row[0] for row in await database.fetch(columns, name)} for name in ("visit", "visit_archive")}

    assert names["visit_archive"] == names["visit"] | {"archived_at", "archival_reason", "original_url"}
