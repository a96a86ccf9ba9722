"""Valkey: runs its server and asks it."""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

from launcher.data.folder import DataFolder
from launcher.data.pid_file import PidFile
from launcher.engines.leftovers import stop_leftover
from launcher.supervision.program import Program

STOP_GRACE = timedelta(seconds=10)
ANSWER_LIMIT = timedelta(seconds=5)


async def stop_leftover_valkey(data: DataFolder) -> list[int]:
    """Stop a server of this data folder that an earlier launcher left; return its process id, if there was one."""
    pid = await stop_leftover(data.run / "valkey.pid", folder=data.valkey, number=signal.SIGTERM, grace=STOP_GRACE)
    return [pid] if pid else []


def valkey_program(data: DataFolder, server: Path) -> Program:
    """The server, in the foreground, on a socket in the data folder only; it writes to disk every second."""
    settings = {
        "port": "0",
        "unixsocket": str(data.valkey_socket),
        "unixsocketperm": "700",
        "dir": str(data.valkey),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "loglevel": "warning",
        # A later launcher recognises a leftover by its arguments.
        "set-proc-title": "no",
    }
    return Program(
        name="valkey",
        command=(str(server), *(part for name, value in settings.items() for part in (f"--{name}", value))),
        environment={"PATH": os.defpath, "LC_ALL": "C"},
        folder=data.run,
        user=data.owner,
        stop_signal=signal.SIGTERM,
        stop_grace=STOP_GRACE,
        orphan_signal=signal.SIGTERM,
        after_start=PidFile(data, "valkey", number=signal.SIGTERM, grace=STOP_GRACE).write,
        # Valkey logs an ordinary stop as a warning.
        is_shown=lambda line: b"Received SIGTERM scheduling" not in line and b"bye bye" not in line,
    )


async def ask_valkey(data: DataFolder, command: str) -> str | None:
    """The one-line answer to a command (`PING` → `+PONG`, `SCARD set` → `:3`); None if none comes in time."""
    try:
        return await asyncio.wait_for(_ask(data.valkey_socket, command), ANSWER_LIMIT.total_seconds())
    except (OSError, TimeoutError):
        return None


async def _ask(socket: Path, command: str) -> str:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        writer.write(f"{command}\r\n".encode())
        return (await reader.readline()).decode().strip()
    finally:
        writer.close()
