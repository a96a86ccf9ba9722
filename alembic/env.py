"""Runs migrations on the database of main_service's settings."""

import asyncio
import re
import time

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from alembic import context
from main_service.accounts import models as account_models  # noqa: F401
from main_service.admin_jobs import models as cleanup_models  # noqa: F401
from main_service.collections import models as collection_models  # noqa: F401
from main_service.engines.postgres import Base
from main_service.entries import models  # noqa: F401
from main_service.mail import outbox  # noqa: F401  (fills Base.metadata, as the next ones)
from main_service.reports import models as report_models  # noqa: F401
from main_service.settings import load_settings_or_exit
from main_service.visits import models as visit_models  # noqa: F401

MIGRATION_LOCK = 5_710_264_839
"""An arbitrary number for an advisory lock: two starts at once migrate one after the other."""
LOCK_MS = 500
"""How long to wait for the lock of a table: queries queue up behind it, and sending an email may hold it a minute."""
RETRY_SECONDS = 180
PAUSE_SECONDS = 1.0
LOCK_NOT_AVAILABLE = "55P03"
STAYS_AHEAD, REVISION_AHEAD = "stays_ahead", "revision_ahead"
"""Attributes of the configuration: `main_service migrate` sets the first to accept a newer schema, and reads from the
second which revision was found."""


def is_ours(_: object, name: str | None, kind: str, *__: object) -> bool:
    """The months of `visit` come and go without migrations."""
    return not (kind == "table" and re.fullmatch(r"visit_(default|\d{4}_\d\d)", name or ""))


def migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, compare_type=True, include_object=is_ours)
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        connection.execute(text(f"SET LOCAL lock_timeout = {LOCK_MS}"))
        if context.config.attributes.get(STAYS_AHEAD) and (ahead := revision_ahead(connection)):
            context.config.attributes[REVISION_AHEAD] = ahead
            return
        context.run_migrations()


def revision_ahead(connection: Connection) -> str | None:
    """The migration of a newer release, where the database has it and each table and column that this one needs.

    Migrations only add, so the previous release works with the newer schema. None: run the migrations, which may fail.
    """
    revision = context.get_context().get_current_revision()
    if revision is None or revision in {script.revision for script in context.script.walk_revisions()}:
        return None
    inspector = inspect(connection)
    there = {
        (table, column["name"]) for (_, table), columns in inspector.get_multi_columns().items() for column in columns
    }
    needed = {(table.name, column.name) for table in Base.metadata.tables.values() for column in table.columns}
    return revision if needed <= there else None


async def connect_and_migrate() -> None:
    engine = create_async_engine(load_settings_or_exit().database_url, poolclass=NullPool, connect_args={"timeout": 10})
    ends_at = time.monotonic() + RETRY_SECONDS
    while True:
        try:
            async with engine.connect() as connection:
                await connection.run_sync(migrate)
                await connection.commit()
            break
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE or time.monotonic() > ends_at:
                raise
        await asyncio.sleep(PAUSE_SECONDS)
    await engine.dispose()


asyncio.run(connect_and_migrate())
