"""How long what has ended is kept: a guest's entry not at all, a user's for MAIN_ARCHIVE_RETENTION without its text."""

from uuid import UUID, uuid4

import asyncpg
import httpx

from tests.support.accounts import insert_owner
from tests.support.engines import Environment, run_main
from tests.support.entries import (
    ago,
    create_link,
    create_paste,
    ended,
    find_entry,
    insert_entry,
    insert_paste,
    manage_headers,
)

KEPT = {
    *("key", "kind", "visibility", "created_at", "updated_at", "expires_at", "ended_at", "archival_reason"),
    *("visit_count", "bot_count", "has_public_statistics", "version", "manage_generation"),
    *("passes_query", "imported_visit_count", "imported_bot_count"),
}


def filled(row: asyncpg.Record) -> set[str]:
    return {name for name, value in row.items() if value is not None}


async def collect(database: asyncpg.Connection, owner_id: UUID, *keys: str) -> None:
    collection_id = uuid4()
    await database.execute(
        "INSERT INTO collection (id, owner_id, name, created_at) VALUES ($1::uuid, $2, $1::uuid::text, now())",
        collection_id,
        owner_id,
    )
    await database.execute(
        "INSERT INTO collection_entry (collection_id, entry_key, added_at) SELECT $1, unnest($2::text[]), now()",
        collection_id,
        keys,
    )


async def collected(database: asyncpg.Connection) -> set[str]:
    return {row["entry_key"] for row in await database.fetch("SELECT entry_key FROM collection_entry")}


async def test_ended_entry_of_a_user_is_kept_until_retention_is_over_then_emptied_and_without_owner(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection
) -> None:
    owner = await insert_owner(archive)
    facts = {"owner_id": owner, "last_visit_at": ago(days=500), "used_at": ago(days=450)}
    old_link = await insert_entry(archive, **facts, **ended(ago(days=401)), visibility="private")
    old_paste = await insert_paste(archive, **facts, **ended(ago(days=401)), expires_at=None)
    young = await insert_entry(archive, **facts, **ended(ago(days=399)))
    live = await insert_entry(archive, owner_id=owner, updated_at=ago(days=900), expires_at=None)
    guests = await insert_entry(archive, **ended(ago(days=0)), last_visit_at=ago(days=1))
    before = {key: await find_entry(archive, key) for key in (young, live)}
    await collect(archive, owner, old_link, old_paste, young, live, guests)
    await archive.executemany(
        "INSERT INTO imported_figures (key, month, first_day, last_day, people, bots, visitors, days, size_bytes)"
        " VALUES ($1, '2020-01-01', '2020-01-31', '2020-01-31', 1, 0, 1, '[]', 2)",
        [(key,) for key in (old_link, young, live)],
    )

    printed = run_main("cleanup", environment=archive_environment)

    assert "0 expired entries ended" in printed
    assert "3 ended entries emptied" in printed
    assert filled(await find_entry(archive, old_link)) == KEPT
    assert (await find_entry(archive, old_link))["visibility"] == "private"
    assert archive_client.get(f"/{old_link}").status_code == 404, "no client learns that there was something private"
    assert archive_client.get(f"/{old_paste}").json()["reason"] == "deleted"
    assert filled(await find_entry(archive, old_paste)) == KEPT - {"expires_at"}
    assert filled(await find_entry(archive, guests)) == KEPT
    assert {key: await find_entry(archive, key) for key in before} == before
    assert await collected(archive) == {young, live}
    assert {row["key"] for row in await archive.fetch("SELECT key FROM imported_figures")} == {young, live}
    assert "0 ended entries emptied" in run_main("cleanup", environment=archive_environment)


async def test_retention_is_a_setting(archive_environment: Environment, archive: asyncpg.Connection) -> None:
    owner = await insert_owner(archive)
    older, younger = [await insert_entry(archive, owner_id=owner, **ended(ago(hours=hours))) for hours in (3, 1)]

    run_main("cleanup", environment=archive_environment | {"MAIN_ARCHIVE_RETENTION": "PT2H"})

    assert filled(await find_entry(archive, older)) == KEPT
    assert (await find_entry(archive, younger))["owner_id"] == owner
    run_main("cleanup", environment=archive_environment | {"MAIN_ARCHIVE_RETENTION": "PT0S"})
    assert filled(await find_entry(archive, younger)) == KEPT


async def test_text_of_a_users_ended_entry_is_deleted_at_once_and_its_facts_stay(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection
) -> None:
    owner = await insert_owner(archive)
    key = create_paste(archive_client, title="Mine", syntax="python")["key"]
    await archive.execute(
        "UPDATE entry SET owner_id = $2, expires_at = now() - interval '1 s' WHERE key = $1", key, owner
    )

    printed = run_main("cleanup", environment=archive_environment)

    assert "1 expired entries ended, 1 texts deleted, 0 ended entries emptied, 0 orphaned" in printed
    row = await find_entry(archive, key)
    assert row["body_deleted_at"] is not None
    assert (row["owner_id"], row["title"], row["size_bytes"], row["syntax"]) == (owner, "Mine", 10, "python")


async def test_text_that_waits_to_be_deleted_keeps_its_entry_from_being_emptied(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    """A text may not be due yet, as a client that was let in may still be reading."""
    owner = await insert_owner(archive)
    for owner_id in (owner, None):
        key = await insert_paste(archive, owner_id=owner_id, **ended(ago(days=500)))
        body_id = (await find_entry(archive, key))["body_id"]
        await archive.execute("INSERT INTO body_to_delete VALUES ($1, now() + interval '1 hour')", body_id)

    assert "0 ended entries emptied" in run_main("cleanup", environment=archive_environment)


async def test_entry_without_end_never_expires_and_its_expired_neighbour_does(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    owner = await insert_owner(archive)
    endless = await insert_entry(archive, owner_id=owner, expires_at=None, updated_at=ago(days=5000))
    before = await find_entry(archive, endless)
    over = await insert_entry(archive, owner_id=owner, expires_at=ago(seconds=1))

    assert "1 expired entries ended" in run_main("cleanup", environment=archive_environment)

    assert await find_entry(archive, endless) == before
    row = await find_entry(archive, over)
    assert (row["archival_reason"], row["ended_at"], row["owner_id"]) == ("expired", row["expires_at"], owner)


async def test_ended_sessions_are_purged_once_they_would_be_over(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    """More of them than a batch."""
    still_valid = uuid4()
    await archive.execute("INSERT INTO ended_session VALUES ($1, now() + interval '1 minute')", still_valid)
    await archive.execute(
        "INSERT INTO ended_session SELECT gen_random_uuid(), now() - interval '1 s' FROM generate_series(1, 1001)"
    )

    assert "1001 ended sessions" in run_main("cleanup", environment=archive_environment)

    assert [row["id"] for row in await archive.fetch("SELECT id FROM ended_session")] == [still_valid]


async def test_jobs_are_purged_30_days_after_they_finished(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    await archive.executemany(
        "INSERT INTO admin_task (id, work, asked_at, finished_at) VALUES ($1, 'clean_up', $2, $3)",
        [
            (uuid4(), ago(days=100), ago(days=31)),
            (uuid4(), ago(days=100), ago(days=29)),
            (uuid4(), ago(days=100), None),
        ],
    )

    assert "1 tasks" in run_main("cleanup", environment=archive_environment)

    left = await archive.fetch("SELECT finished_at > now() - interval '30 days' AS is_young FROM admin_task")
    assert sorted(map(str, (row["is_young"] for row in left))) == ["None", "True"]


async def test_nothing_is_left_of_the_targets_of_an_entry_that_is_emptied(
    archive_environment: Environment, archive_client: httpx.Client, archive: asyncpg.Connection
) -> None:
    link, neighbour = create_link(archive_client), create_link(archive_client)
    for each in (link, neighbour):
        change = {"original_url": "https://new.example/"}
        address = f"/api/v1/entries/{each['key']}"
        archive_client.patch(address, json=change, headers=manage_headers(each)).raise_for_status()
    archive_client.delete(f"/api/v1/entries/{link['key']}", headers=manage_headers(link)).raise_for_status()

    run_main("cleanup", environment=archive_environment)

    keys = [link["key"], neighbour["key"]]
    rows = await archive.fetch(
        "SELECT key, original_url FROM link_target WHERE key = ANY($1) ORDER BY valid_from", keys
    )
    assert [tuple(row) for row in rows] == [
        (neighbour["key"], "https://example.org/target"), (neighbour["key"], "https://new.example/"),
    ]  # fmt: skip
