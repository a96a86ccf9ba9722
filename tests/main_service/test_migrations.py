"""The schema: up, the same as the models, down, and up again."""

import asyncio
import subprocess
import sys

import asyncpg
import pytest

from tests.support import forking
from tests.support.database import connected
from tests.support.engines import REPOSITORY, START_SECONDS, Environment, full, run_main
from tests.support.waiting import eventually_async


@pytest.fixture
async def migration_environment(environment: Environment) -> Environment:
    """An empty database beside the one that the other tests use."""
    url = environment["MAIN_DATABASE_URL"]
    async with connected(url) as connection:
        await connection.execute("DROP DATABASE IF EXISTS migrations")
        await connection.execute("CREATE DATABASE migrations")
    return environment | {"MAIN_DATABASE_URL": url.replace("/slipbin?", "/migrations?")}


def alembic(*arguments: str, environment: Environment) -> "subprocess.CompletedProcess[str]":
    return forking.run_text("-m", "alembic", *arguments, environment=full(environment), timeout=START_SECONDS)


async def tables(environment: Environment) -> set[str]:
    async with connected(environment) as connection:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows}


async def views(environment: Environment) -> set[str]:
    async with connected(environment) as connection:
        rows = await connection.fetch("SELECT viewname FROM pg_views WHERE schemaname = 'public'")
    return {row["viewname"] for row in rows}


async def test_upgrade_is_what_the_models_say_and_downgrade_leaves_nothing(migration_environment: Environment) -> None:
    run_main("migrate", environment=migration_environment)
    assert await tables(migration_environment) == {
        "entry",
        "body_to_delete",
        "stale_key",
        "idempotency_key",
        "account",
        "api_token",
        "ended_session",
        "collection",
        "collection_entry",
        "shared_key",
        "admin_task",
        "visit",
        "visit_default",
        "visit_batch",
        "link_target",
        "visit_hour",
        "visit_day_value",
        "visit_month",
        "visit_month_value",
        "mail",
        "import_job",
        "import_line",
        "imported_entry",
        "imported_figures",
        "report",
        "alembic_version",
    }
    assert await views(migration_environment) == {"entry_archive", "visit_archive"}

    check = alembic("check", environment=migration_environment)
    assert check.returncode == 0, check.stdout + check.stderr

    down = alembic("downgrade", "base", environment=migration_environment)
    assert down.returncode == 0, down.stderr
    assert await tables(migration_environment) == {"alembic_version"}
    run_main("migrate", environment=migration_environment)
    assert "entry" in await tables(migration_environment)


async def test_release_before_starts_on_what_a_newer_one_has_migrated_if_it_has_all_that_it_needs(
    migration_environment: Environment,
) -> None:
    run_main("migrate", environment=migration_environment)
    async with connected(migration_environment) as connection:
        await connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        await connection.execute("ALTER TABLE entry ADD COLUMN of_tomorrow text")
        said = run_main("migrate", environment=migration_environment)
        await connection.execute("ALTER TABLE mail RENAME COLUMN sent_at TO of_tomorrow")
        with pytest.raises(AssertionError, match="Can't locate revision identified by 'ffffffffffff'"):
            run_main("migrate", environment=migration_environment)

    assert "migrated by a newer release (ffffffffffff), and has all that this one needs" in said


async def test_two_migrations_at_once_take_turns(migration_environment: Environment) -> None:
    command = [sys.executable, "-m", "main_service", "migrate"]
    both = [subprocess.Popen(command, env=full(migration_environment), cwd=REPOSITORY) for _ in range(2)]

    assert [process.wait(START_SECONDS) for process in both] == [0, 0]
    assert "entry" in await tables(migration_environment)


async def test_table_that_is_in_use_is_not_kept_from_others_while_it_is_waited_for(
    migration_environment: Environment,
) -> None:
    """An email holds its row while the mail server takes its time."""
    run_main("migrate", environment=migration_environment)
    assert alembic("downgrade", "b4d7f1c92e60", environment=migration_environment).returncode == 0
    command = [sys.executable, "-m", "main_service", "migrate"]
    waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'mail'::regclass)"
    async with connected(migration_environment) as sender, connected(migration_environment) as other:
        await sender.execute("BEGIN")
        await sender.execute("SELECT * FROM mail FOR UPDATE")
        with subprocess.Popen(command, env=full(migration_environment), cwd=REPOSITORY) as migrating:
            try:
                await eventually_async(lambda: other.fetchval(waits), "a migration that waits")
                await asyncio.wait_for(other.fetch("SELECT * FROM mail"), 60)
            finally:
                await sender.execute("ROLLBACK")
            assert await asyncio.to_thread(migrating.wait, START_SECONDS) == 0


async def test_rows_that_contradict_themselves_are_refused_by_the_database(database: asyncpg.Connection) -> None:
    statement = """
        INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url, ended_at)
        VALUES ($1, $2, $3, now(), now(), now(), $4, $5)
    """
    for values in (
        ("contradiction", "link", "unlisted", None, None),
        ("contradiction", "paste", "unlisted", "https://example.org/", None),
        ("contradiction", "file", "unlisted", "https://example.org/", None),
        ("contradiction", "link", "secret", "https://example.org/", None),
    ):
        with pytest.raises(asyncpg.CheckViolationError):
            await database.execute(statement, *values)
