"""What metrics count in PostgreSQL takes no reading of whole tables; the migration that they expect is the newest."""

import asyncpg
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

from main_service.operations.database_counts import COUNTS, expected_revision
from tests.support.engines import REPOSITORY


async def test_counts_are_read_from_indexes(database: asyncpg.Connection) -> None:
    # Literal, as it is in the end: a plan for parameters may be another.
    statement = str(COUNTS.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
    transaction = database.transaction()
    await transaction.start()
    try:
        await database.execute(
            """INSERT INTO mail (cause, recipient, letter, "values", sent_at, failed_at)"""
            " SELECT 'count' || i, 'ada@example.org', 'confirm', '{}', now(), CASE WHEN i % 500 = 0 THEN now() END"
            " FROM generate_series(1, 20000) AS i"
        )
        await database.execute(
            "INSERT INTO body_to_delete (body_id, due_at)"
            " SELECT gen_random_uuid(), now() + interval '1 day' FROM generate_series(1, 20000)"
        )
        await database.execute("ANALYZE mail, body_to_delete")
        plan = "\n".join(row[0] for row in await database.fetch(f"EXPLAIN {statement}"))
        counted = await database.fetchrow(statement)
    finally:
        await transaction.rollback()

    for index in ("ix_mail_due_at_waiting", "ix_mail_failed_at", "ix_body_to_delete_due_at"):
        assert index in plan, plan
    assert "Seq Scan on mail" not in plan
    assert "Seq Scan on body_to_delete" not in plan
    assert counted[1] >= 40


async def test_expected_migration_is_the_newest_and_the_one_that_the_database_has(
    database: asyncpg.Connection,
) -> None:
    scripts = ScriptDirectory.from_config(Config(toml_file=REPOSITORY / "pyproject.toml"))

    assert expected_revision() == scripts.get_current_head()
    assert await database.fetchval("SELECT version_num FROM alembic_version") == expected_revision()
