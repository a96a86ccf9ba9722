"""`python -m main_service doctor` on PostgreSQL that lets us not in, lacks something, or is of another release."""

from pathlib import Path

import asyncpg

from tests.main_service.doctor.examined import PASSWORD, RANDOM, examine
from tests.support import forking
from tests.support.database import connected
from tests.support.engines import START_SECONDS, Environment, full
from tests.support.waiting import eventually_async


async def reload_settings(database: asyncpg.Connection) -> None:
    """Have the server read pg_hba.conf again; the next connection meets what stands there."""
    read_at = await database.fetchval("SELECT pg_conf_load_time()")
    await database.execute("SELECT pg_reload_conf()")
    # The server tells its processes after its own reading, which lets nothing connect meanwhile.
    is_read = "SELECT pg_conf_load_time() > $1"
    await eventually_async(lambda: database.fetchval(is_read, read_at), "settings that were read again")


async def test_role_and_database_of_postgresql_that_do_not_fit(
    broken: Environment, database: asyncpg.Connection
) -> None:
    url = broken["MAIN_DATABASE_URL"]
    hba = Path(await database.fetchval("SHOW hba_file"))
    before = hba.read_text()
    await database.execute(f"CREATE ROLE locked LOGIN PASSWORD '{RANDOM}'")
    hba.write_text(f"local all locked scram-sha-256\n{before}")
    try:
        await reload_settings(database)
        wrong = {
            "password": url.replace("//slipbin@", f"//locked:{PASSWORD}@"),
            "role": url.replace("//slipbin@", "//nosuchrole@"),
            "name": url.replace("/slipbin?", "/nosuchname?"),
            "socket": url.replace("?host=", "?host=/nowhere"),
            "rights": url.replace("//slipbin@", f"//locked:{RANDOM}@"),
        }
        found = {what: examine(broken | {"MAIN_DATABASE_URL": value}) for what, value in wrong.items()}
    finally:
        hba.write_text(before)
        await reload_settings(database)
        await database.execute("DROP ROLE locked")

    assert all(each.status == 1 for each in found.values())
    assert "refuses the password of locked" in found["password"].problem("database")
    assert "percent-encode" in found["password"].problem("database")
    assert "no such role" in found["role"].problem("database")
    assert "has no database nosuchname. -> Create it" in found["name"].problem("database")
    assert "There is no socket /nowhere" in found["socket"].problem("database")
    assert "lacks rights" in found["rights"].problem("database")
    assert not any(PASSWORD in each.said or RANDOM in each.said for each in found.values())


async def test_schema_that_is_missing_behind_or_ahead(broken: Environment, database: asyncpg.Connection) -> None:
    head = await database.fetchval("SELECT version_num FROM alembic_version")
    older = forking.run("-c", PREVIOUS, head, environment=full(broken), timeout=START_SECONDS).stdout.decode().strip()
    await database.execute("CREATE DATABASE doctors")
    other = broken | {"MAIN_DATABASE_URL": broken["MAIN_DATABASE_URL"].replace("/slipbin?", "/doctors?")}
    try:
        missing = examine(other)
        async with connected(other) as connection:
            await connection.execute("CREATE TABLE alembic_version (version_num text)")
            await connection.execute("INSERT INTO alembic_version VALUES ($1)", older)
            behind = examine(other)
            await connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
            ahead = examine(other)
    finally:
        await database.execute("DROP DATABASE doctors WITH (FORCE)")

    assert "has no tables of Slipbin yet. -> Run: " in missing.problem("schema")
    assert f"1 migration behind: it has {older}, and this release needs {head}" in behind.problem("schema")
    assert "migrated by a newer release: its revision ffffffffffff is unknown" in ahead.problem("schema")


PREVIOUS = """
import sys
from main_service.doctor.database import _known_revisions
known = _known_revisions()
print(known[known.index(sys.argv[1]) + 1])
"""
