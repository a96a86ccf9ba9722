"""PostgreSQL and Valkey in a folder of the run's own, started by the launcher, with Slipbin's schema."""

import asyncio
import contextlib
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncpg
import psutil
from redis import Redis

from benchmarks.pinning import run_python
from benchmarks.processes import running


@contextlib.contextmanager
def engines(folder: Path, *, core: int) -> Iterator[dict[str, str]]:
    """All settings that Slipbin needs to work on them. `folder`: is made, open to the unprivileged user if we are root.

    Raises:
        BenchmarkError: they do not start, or Slipbin does not migrate.
    """
    folder.mkdir()
    folder.chmod(0o755)
    command = [sys.executable, "-m", "launcher", "engines", "--data", str(folder / "data")]
    with running("engines", command, core=core, folder=folder) as child:
        output = folder / "engines.out"
        child.wait_until(lambda: "ready" in output.read_text().splitlines())
        lines = output.read_text().splitlines()
        settings = {
            **dict(line.split("=", 1) for line in lines if line != "ready"),
            "MAIN_SECRET": secrets.token_hex(32),
            "MAIN_PUBLIC_URL": "http://slipbin.test",
            # On, so that their cost is measured, and never reached.
            "MAIN_LIMIT_CREATES": "100000000/minute;1000000000/hour",
            "MAIN_LIMIT_BYTES": "900GiB/hour",
            "MAIN_LIMIT_STATISTICS": "100000000/minute",
        }
        run_python(["-m", "main_service", "migrate"], settings, core=core)
        yield settings


def execute(settings: Mapping[str, str], *statements: str) -> None:
    """Have PostgreSQL do something; its days are those of UTC."""

    async def run() -> None:
        connection = await asyncpg.connect(database_address(settings))
        try:
            await connection.execute("SET timezone = 'UTC'")
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def fetch_value(settings: Mapping[str, str], query: str) -> object:
    async def run() -> object:
        connection = await asyncpg.connect(database_address(settings))
        try:
            value: object = await connection.fetchval(query)
        finally:
            await connection.close()
        return value

    return asyncio.run(run())


def database_address(settings: Mapping[str, str]) -> str:
    return settings["MAIN_DATABASE_URL"].replace("+asyncpg", "")


def engine_versions(settings: Mapping[str, str]) -> str:
    """The versions of the running engines."""
    with Redis.from_url(settings["MAIN_REDIS_URL"]) as redis:
        server = redis.info("server")
    kind = "Valkey" if "valkey_version" in server else "Redis"
    return (
        f"PostgreSQL {fetch_value(settings, 'SHOW server_version')},"
        f" {kind} {server.get('valkey_version') or server['redis_version']}"
    )


def database_cpu_seconds(folder: Path) -> float:
    """User and system time so far of PostgreSQL's parent, its children, and those that it had."""
    lines = (folder / "data" / "postgres" / "postmaster.pid").read_text().splitlines()
    parent = psutil.Process(int(lines[0]))
    times = [process.cpu_times() for process in (parent, *parent.children())]
    return float(sum(each.user + each.system + each.children_user + each.children_system for each in times))
