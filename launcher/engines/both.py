"""Starts both engines of a data folder: finds, initialises and runs them, and waits until they answer."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from launcher.data.folder import DataFolder, prepare_inside
from launcher.engines.binaries import find_postgres, find_valkey, make_executable
from launcher.engines.postgres import (
    create_database,
    has_database,
    postgres_program,
    prepare_cluster,
    stop_leftover_postgres,
)
from launcher.engines.valkey import ask_valkey, stop_leftover_valkey, valkey_program
from launcher.readiness import wait_until
from launcher.supervision.supervisor import Supervisor
from launcher.together import together

ENGINES = ("valkey", "postgres")
"""The names they run under."""


async def start_engines(supervisor: Supervisor, data: DataFolder, environ: Mapping[str, str] = os.environ) -> None:
    """Start both engines; return when both answer and our database exists. Only under the lock.

    Raises:
        StartError: an engine is missing or its data are unusable.
    """
    postgres, valkey = find_postgres(environ), find_valkey(environ)
    for pids in await asyncio.gather(stop_leftover_postgres(data), stop_leftover_valkey(data)):
        for pid in pids:
            supervisor.say(f"stopped the engine that an earlier start had left running as process {pid}")
    prepare_inside(data)
    binaries, server = make_executable(postgres, data), make_executable(valkey, data) / valkey.server
    await together(_start_postgres(supervisor, data, binaries), _start_valkey(supervisor, data, server))


async def _start_postgres(supervisor: Supervisor, data: DataFolder, binaries: Path) -> None:
    await prepare_cluster(supervisor, data, binaries)
    supervisor.keep_running(postgres_program(data, binaries))

    async def find_missing() -> str | None:
        return "PostgreSQL does not take connections" if await has_database(data) is None else None

    await wait_until(find_missing, say=supervisor.say)
    if await has_database(data) is False:
        await create_database(supervisor, data, binaries)


async def _start_valkey(supervisor: Supervisor, data: DataFolder, server: Path) -> None:
    supervisor.keep_running(valkey_program(data, server))

    async def find_missing() -> str | None:
        return None if await ask_valkey(data, "PING") == "+PONG" else "Valkey does not answer"

    await wait_until(find_missing, say=supervisor.say)
