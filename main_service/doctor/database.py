"""Checks PostgreSQL: reach, rights, encoding, extensions, migrations, connections, clock, and how fast its disk is."""

import asyncio
import time
from typing import Any

import asyncpg
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from main_service.doctor.addresses import causes_of, shown_address, why_unreachable
from main_service.doctor.clock import compare_clocks
from main_service.doctor.commands import migrate
from main_service.doctor.findings import Report
from main_service.engines.postgres import create_engine
from main_service.settings import Settings

OLDEST_MAJOR = 15
EXTENSIONS = ("pg_trgm", "btree_gin")
CONNECTIONS_OF_TASKS = 8
"""What the workers need beside the pools of the web processes: seven threads, and a command."""
STATEMENT_SECONDS = 4
COMMIT_SECONDS = 3.0
"""How long a commit is waited for."""
SLOW_COMMIT_SECONDS = 0.3
"""Even a hard disk takes a tenth of it."""

_ABOUT = text("""
    SELECT current_setting('server_version_num')::int AS version,
           current_setting('server_version') AS version_text,
           current_setting('server_encoding') AS encoding,
           current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int AS most,
           current_setting('log_error_verbosity') AS verbosity,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
           pg_is_in_recovery() AS is_standby,
           current_setting('default_transaction_read_only') = 'on' AS is_read_only,
           current_user AS role,
           current_database() AS name,
           has_database_privilege(current_database(), 'CREATE') AS may_create_extensions,
           has_schema_privilege(coalesce(current_schema(), 'public'), 'CREATE') AS may_create_tables,
           clock_timestamp() AS now,
           ARRAY(SELECT extname::text FROM pg_extension) AS extensions,
           ARRAY(SELECT name::text FROM pg_available_extensions) AS available
""")
_NOTHING = text("SELECT pg_logical_emit_message(true, 'slipbin', '')")
"""Changes nothing, and is written into the log of PostgreSQL, on whose disk the commit waits."""
_UNUSABLE = text("""
    SELECT count(*) FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
      AND NOT has_table_privilege(oid, 'SELECT, INSERT, UPDATE, DELETE')
""")


async def check_database(settings: Settings, report: Report) -> None:
    address = shown_address(settings.database_url, default_port=5432)
    engine = create_engine(settings.database_url, pool_size=None, statement_seconds=STATEMENT_SECONDS)
    try:
        async with engine.connect() as connection:
            before = time.time()
            about = (await connection.execute(_ABOUT)).mappings().one()
            middle = (before + time.time()) / 2
            unusable = (await connection.execute(_UNUSABLE)).scalar_one()
    except Exception as error:
        report.problem(*why_not(error, settings, address))
        return
    report.ok(f"PostgreSQL {about['version_text']} answers at {address}.")
    judge_server(dict(about), unusable=unusable, pool_size=settings.database_pool_size, report=report)
    compare_clocks(about["now"].timestamp() - middle, of="PostgreSQL", report=report)
    seconds = await _time_commit(engine)
    if seconds is not None:
        judge_commit(seconds, report)


async def _time_commit(engine: AsyncEngine) -> float | None:
    """How long a commit takes, in seconds, at most `COMMIT_SECONDS`; None: it can't be tried, as on a standby."""
    try:
        async with asyncio.timeout(COMMIT_SECONDS), engine.connect() as connection:
            await connection.execute(_NOTHING)
            began_at = time.perf_counter()
            await connection.commit()
            return time.perf_counter() - began_at
    except TimeoutError:
        return COMMIT_SECONDS
    except Exception:
        return None


def judge_commit(seconds: float, report: Report) -> None:
    """Report how long PostgreSQL took to have a change on its disk."""
    if seconds < SLOW_COMMIT_SECONDS:
        report.ok(f"A change is on its disk within {max(1, round(seconds * 1000))} ms.")
        return
    report.warn(
        f"PostgreSQL took {seconds:.1f} s{' or more' * (seconds >= COMMIT_SECONDS)} to have a change on its disk: "
        "creating and changing entries is as slow, reading is not.",
        "`iostat -x 2` on its machine shows whether the disk is busy; if not, it is failing (`dmesg`) or too slow.",
    )


async def find_revision(connection: AsyncConnection) -> str | None:
    """The migration that the database has; None: it has none of ours."""
    is_there = (await connection.execute(text("SELECT to_regclass('alembic_version') IS NOT NULL"))).scalar_one()
    if not is_there:
        return None
    revision: str | None = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
    return revision


async def check_schema(settings: Settings, report: Report) -> None:
    """Whether the migrations of this release have been run, and no newer ones."""
    engine = create_engine(settings.database_url, pool_size=None, statement_seconds=STATEMENT_SECONDS)
    try:
        async with engine.connect() as connection:
            revision = await find_revision(connection)
    except Exception:
        report.unknown("Not checked: the database can't be asked.")
        return
    known = _known_revisions()
    if revision is None:
        report.problem("The database has no tables of Slipbin yet.", migrate())
    elif revision not in known:
        report.problem(
            f"The database was migrated by a newer release: its revision {revision} is unknown here.",
            "Run that release or a newer one. If you went back to this one, `migrate` said that it finds all it needs.",
        )
    elif revision != known[0]:
        behind = known.index(revision)
        report.problem(
            f"The database is {behind} migration{'s' if behind > 1 else ''} behind: it has {revision}, "
            f"and this release needs {known[0]}.",
            migrate(),
        )
    else:
        report.ok(f"All migrations have been run, up to {revision}.")


def _known_revisions() -> list[str]:
    """The revisions of this release, the newest first."""
    from pathlib import Path

    from alembic.config import Config
    from alembic.script import ScriptDirectory

    root = Path(__file__).resolve().parents[2]
    directory = ScriptDirectory.from_config(Config(toml_file=root / "pyproject.toml"))
    return [script.revision for script in directory.walk_revisions()]


def judge_server(about: dict[str, Any], *, unusable: int, pool_size: int, report: Report) -> None:
    major = about["version"] // 10_000
    if major < OLDEST_MAJOR:
        report.warn(f"PostgreSQL {major} is older than what Slipbin is tested with.", "Update it; 18 is tested.")
    if about["encoding"] != "UTF8":
        report.problem(
            f"The database {about['name']} has the encoding {about['encoding']}, which can't hold all texts.",
            "Create one with ENCODING 'UTF8' TEMPLATE template0, and move the data there.",
        )
    if about["is_standby"] or about["is_read_only"]:
        report.problem(
            "The database takes no writes: it is a standby, or its transactions are read-only.",
            "Name the primary in MAIN_DATABASE_URL, or promote this one.",
        )
    if not about["may_create_tables"] or unusable:
        report.problem(
            f"The role {about['role']} lacks rights on the tables or the schema of {about['name']}.",
            f"As a superuser: ALTER DATABASE {about['name']} OWNER TO {about['role']}; and give it the tables.",
        )
    missing = [name for name in EXTENSIONS if name not in about["extensions"]]
    absent = [name for name in missing if name not in about["available"]]
    if absent:
        report.problem(
            f"PostgreSQL does not offer the extension {' and '.join(absent)}.",
            "Install its package of additional modules (on many systems postgresql-contrib).",
        )
    elif missing and not about["may_create_extensions"]:
        report.problem(
            f"The extension {' and '.join(missing)} is missing, and {about['role']} may not create it.",
            f"As a superuser: GRANT CREATE ON DATABASE {about['name']} TO {about['role']};",
        )
    _judge_connections(about["most"], about["used"], pool_size=pool_size, report=report)
    if about["verbosity"] != "terse":
        report.warn(
            "PostgreSQL's log repeats values of rows with errors, and so email addresses.",
            "Set log_error_verbosity = terse in postgresql.conf.",
        )


def _judge_connections(most: int, used: int, *, pool_size: int, report: Report) -> None:
    if pool_size + CONNECTIONS_OF_TASKS > most:
        report.problem(
            f"PostgreSQL takes {most} connections, and one web process and the tasks need up to "
            f"{pool_size + CONNECTIONS_OF_TASKS}.",
            "Raise max_connections, or lower MAIN_DATABASE_POOL_SIZE.",
        )
    elif used >= most * 0.9:
        report.warn(
            f"{used} of {most} connections of PostgreSQL are in use.",
            "Raise max_connections, or lower MAIN_DATABASE_POOL_SIZE: each web process takes that many.",
        )
    else:
        report.ok(f"{used} of {most} connections are in use; each web process takes up to {pool_size}.")


def why_not(error: BaseException, settings: Settings, address: str) -> tuple[str, str]:
    url = make_url(settings.database_url)
    for cause in causes_of(error):
        if isinstance(cause, asyncpg.InvalidPasswordError):
            return (
                f"PostgreSQL at {address} refuses the password of {url.username or 'this user'}.",
                "Correct the password in MAIN_DATABASE_URL (percent-encode signs like @ and /), or in PGPASSFILE.",
            )
        if isinstance(cause, asyncpg.InvalidAuthorizationSpecificationError):
            return (
                f"PostgreSQL at {address} does not let {url.username or 'this user'} in: there is no such role, or "
                "pg_hba.conf has no rule for it.",
                "Create the role (CREATE ROLE … LOGIN PASSWORD …), or add a line to pg_hba.conf and reload.",
            )
        if isinstance(cause, asyncpg.InvalidCatalogNameError):
            return (
                f"PostgreSQL at {address} has no database {url.database}.",
                f"Create it (CREATE DATABASE {url.database} OWNER {url.username}), or correct MAIN_DATABASE_URL.",
            )
        if isinstance(cause, asyncpg.TooManyConnectionsError):
            return (
                f"PostgreSQL at {address} has no connection left.",
                "Raise max_connections, or lower MAIN_DATABASE_POOL_SIZE or the number of web processes.",
            )
        if isinstance(cause, asyncpg.CannotConnectNowError):
            return (
                f"PostgreSQL at {address} is starting or stopping.",
                "Wait a moment; if it stays that way, see its log: it may be recovering, or its disk may be full.",
            )
        if isinstance(cause, asyncpg.DiskFullError):
            return f"The disk of PostgreSQL at {address} is full.", "Make room on it; PostgreSQL continues by itself."
        if isinstance(cause, asyncpg.PostgresError):
            return (
                f"PostgreSQL at {address} refuses with {type(cause).__name__} ({cause.sqlstate}).",
                "See PostgreSQL's own log.",
            )
    found = why_unreachable(error, address=address, setting="MAIN_DATABASE_URL")
    return found or (
        f"PostgreSQL at {address} can't be asked ({type(error).__name__}).",
        "See PostgreSQL's own log, and whether MAIN_DATABASE_URL names the right server.",
    )
