"""Accounts that were never confirmed and own nothing are deleted; all others stay."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.support.accounts import insert_owner
from tests.support.engines import Environment
from tests.support.entries import ago, insert_entry
from tests.support.workers import run_task

MANY = 2_500


def delete_unconfirmed(environment: Environment, **settings: str) -> None:
    environment = environment | {"MAIN_SMTP_URL": "smtp://127.0.0.1:1"} | settings
    run_task("delete_unconfirmed", environment=environment)


async def unconfirmed(database: asyncpg.Connection, *, registered_at: datetime | None = None, **columns: Any) -> UUID:
    """Insert an unconfirmed account; by default it and its email are 31 days old."""
    account_id = await insert_owner(database)
    registered_at = registered_at or ago(days=31)
    values = {
        "is_verified": False,
        "registered_at": registered_at,
        "confirmation_sent_at": registered_at,
        **columns,
    }
    changes = ", ".join(f"{name} = ${number}" for number, name in enumerate(values, 2))
    await database.execute(f"UPDATE account SET {changes} WHERE id = $1", account_id, *values.values())
    return account_id


async def owning(database: asyncpg.Connection) -> dict[str, UUID]:
    """An account that owns something of each kind."""
    names = ("entry", "ended entry", "collection", "api_token", "report", "import")
    accounts = {name: await unconfirmed(database) for name in names}
    await insert_entry(database, owner_id=accounts["entry"])
    await insert_entry(database, owner_id=accounts["ended entry"], ended_at=ago(days=300), archival_reason="expired")
    await database.execute(
        "INSERT INTO collection (id, owner_id, name, created_at) VALUES ($1, $2, 'name', now())",
        *(uuid4(), accounts["collection"]),
    )
    await database.execute(
        "INSERT INTO api_token (id, account_id, name, token_hash, may_write, created_at) "
        "VALUES ($1, $2, 'name', $3, true, now())",
        *(uuid4(), accounts["api_token"], uuid4().bytes),
    )
    await database.execute(
        "INSERT INTO report (id, owner_id, format, first_day, last_day) "
        "VALUES ($1, $2, 'csv', current_date, current_date)",
        *(uuid4(), accounts["report"]),
    )
    await database.execute(
        "INSERT INTO import_job (id, owner_id, format, file_name, size_bytes, is_dry_run) "
        "VALUES ($1, $2, 'bitly-csv', 'links.csv', 1, false)",
        *(uuid4(), accounts["import"]),
    )
    return accounts


async def mail_to(
    database: asyncpg.Connection, account_id: UUID, *, sent_at: datetime | None, template: str = "confirm"
) -> None:
    await database.execute(
        "INSERT INTO mail (cause, recipient, letter, values, created_at, sent_at) "
        "SELECT $1, upper(email), $2, '{}', least($3, now()), $3 FROM account WHERE id = $4",
        *(uuid4().hex, template, sent_at, account_id),
    )


async def left(database: asyncpg.Connection) -> set[UUID]:
    return {row["id"] for row in await database.fetch("SELECT id FROM account")}


async def test_unconfirmed_accounts_that_own_nothing_go_after_30_days_and_all_others_stay(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    old = await unconfirmed(archive)
    owners = await owning(archive)
    kept = {
        *owners.values(),
        await unconfirmed(archive, registered_at=ago(days=29)),
        await unconfirmed(archive, is_verified=True),
        await unconfirmed(archive, is_superuser=True),
        await unconfirmed(archive, is_active=False),
        # What its entries need is still done.
        await unconfirmed(archive, left_at=ago(days=1)),
    }

    delete_unconfirmed(archive_environment)

    assert await left(archive) == kept
    assert old not in kept


@pytest.mark.parametrize(("setting", "is_kept"), [("", True), ("P60D", True), ("P7D", False)])
async def test_setting_says_after_how_long(
    archive_environment: Environment, archive: asyncpg.Connection, setting: str, is_kept: bool
) -> None:
    account_id = await unconfirmed(archive)

    delete_unconfirmed(archive_environment, MAIN_UNCONFIRMED_RETENTION=setting)

    assert (account_id in await left(archive)) == is_kept


async def test_without_a_mail_server_all_stay(archive_environment: Environment, archive: asyncpg.Connection) -> None:
    account_id = await unconfirmed(archive)

    delete_unconfirmed(archive_environment, MAIN_SMTP_URL="")

    assert await left(archive) == {account_id}


async def test_days_are_counted_from_when_the_email_to_confirm_was_sent(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    sent_long_ago = await unconfirmed(archive, registered_at=ago(days=40), confirmation_sent_at=None)
    await mail_to(archive, sent_long_ago, sent_at=ago(days=31))
    never, waiting, late, again, earlier_account, other_kind = [
        await unconfirmed(archive, confirmation_sent_at=None) for _ in range(6)
    ]
    await mail_to(archive, waiting, sent_at=None)
    await mail_to(archive, late, sent_at=ago(days=29))
    for days in (30.5, 2):
        await mail_to(archive, again, sent_at=ago(days=days))
    await mail_to(archive, earlier_account, sent_at=ago(days=32))
    await mail_to(archive, other_kind, sent_at=ago(days=30.5), template="reset")

    delete_unconfirmed(archive_environment)

    assert await left(archive) == {never, waiting, late, again, earlier_account, other_kind}


async def test_when_the_email_was_sent_is_known_for_longer_than_the_email(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    account_id = await unconfirmed(archive, confirmation_sent_at=None)
    await mail_to(archive, account_id, sent_at=ago(days=10))
    delete_unconfirmed(archive_environment)
    assert await left(archive) == {account_id}
    await archive.execute("DELETE FROM mail WHERE sent_at IS NOT NULL")

    delete_unconfirmed(archive_environment, MAIN_UNCONFIRMED_RETENTION="P11D")
    assert await left(archive) == {account_id}
    delete_unconfirmed(archive_environment, MAIN_UNCONFIRMED_RETENTION="P9D")
    assert await left(archive) == set()


async def test_they_go_in_batches_that_pass_by_who_is_just_making_something(
    archive_environment: Environment, archive: asyncpg.Connection
) -> None:
    await archive.execute(
        """
        INSERT INTO account (id, email, hashed_password, is_active, is_superuser, is_verified, registered_at,
                             confirmation_sent_at, session_epoch)
        SELECT gen_random_uuid(), 'many-' || number || '@example.org', 'none', true, false, false,
               now() - interval '40 days', now() - interval '40 days', 0
        FROM generate_series(1, $1) AS number
        """,
        MANY,
    )
    busy = await unconfirmed(archive, registered_at=ago(days=50))
    async with archive.transaction():
        # Not committed yet, so no statement of the task sees it; but it holds the account's row.
        await insert_entry(archive, owner_id=busy)
        delete_unconfirmed(archive_environment)

    assert await left(archive) == {busy}


async def test_all_that_an_account_can_own_is_looked_at(archive: asyncpg.Connection) -> None:
    rows = await archive.fetch(
        "SELECT conrelid::regclass::text AS name FROM pg_constraint "
        "WHERE contype = 'f' AND confrelid = 'account'::regclass AND NOT conparentid <> 0"
    )

    assert {row["name"] for row in rows} == {
        "entry", "collection", "api_token", "report", "import_job",
        # What they have imported before only keeps it from being imported again.
        "imported_entry",
        # A key that they once shared under stays, and is given to no one.
        "shared_key",
    }  # fmt: skip


async def test_their_index_is_used(archive: asyncpg.Connection) -> None:
    async with archive.transaction():
        await archive.execute("SET LOCAL enable_seqscan = off")
        plan = await archive.fetch(
            "EXPLAIN SELECT id FROM account WHERE is_verified = false AND is_superuser = false "
            "AND registered_at < now() - interval '30 days' ORDER BY registered_at"
        )

    assert "ix_account_registered_at_unconfirmed" in "\n".join(row[0] for row in plan)
