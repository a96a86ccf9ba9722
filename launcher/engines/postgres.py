"""PostgreSQL: creates its cluster in the data folder and runs its server."""

import os
import re
import shutil
import signal
import subprocess
from datetime import timedelta
from pathlib import Path

import asyncpg

from launcher.data.folder import DataFolder
from launcher.data.pid_file import PidFile
from launcher.engines.leftovers import stop_leftover
from launcher.errors import StartError
from launcher.run_user import acting_as, credentials
from launcher.supervision.processes import describe_end
from launcher.supervision.program import Program
from launcher.supervision.supervisor import Supervisor

USER = "slipbin"
DATABASE = "slipbin"
# Fast shutdown: SIGTERM would wait for every client to leave.
STOP_SIGNAL = signal.SIGINT
STOP_GRACE = timedelta(seconds=20)
ANSWER_LIMIT = timedelta(seconds=5)
# Variables of the caller's shell (PG*, languages) must not change what the server does.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


async def stop_leftover_postgres(data: DataFolder) -> list[int]:
    """Stop servers of this data folder that an earlier launcher left; their process ids."""
    files = (data.run / "postgres.pid", data.postgres / "postmaster.pid")
    found = [await stop_leftover(file, folder=data.postgres, number=STOP_SIGNAL, grace=STOP_GRACE) for file in files]
    return [pid for pid in found if pid]


async def prepare_cluster(supervisor: Supervisor, data: DataFolder, binaries: Path) -> None:
    """Create the cluster if there is none.

    Raises:
        StartError: initdb fails, or the cluster is of another major version than the programs.
    """
    unfinished = data.path / "postgres.unfinished"
    if data.postgres.exists():
        _check_version(data, binaries)
        return
    with acting_as(data.owner):
        if unfinished.exists():
            shutil.rmtree(unfinished)
    status = await supervisor.run_once(
        Program(
            name="initdb",
            command=(
                *(str(binaries / "initdb"), "-D", str(unfinished), "-U", USER, "--no-instructions"),
                *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                *("--auth-local=trust", "--auth-host=reject"),
            ),
            environment=ENVIRONMENT,
            folder=data.run,
            user=data.owner,
            is_shown=lambda line: line.startswith(b"initdb: ") or b"FATAL" in line or b"PANIC" in line,
        )
    )
    if status != 0:
        raise StartError(
            f"The PostgreSQL cluster in {data.postgres} could not be made: initdb, {describe_end(status)}."
        )
    with acting_as(data.owner):
        # Only a complete cluster gets this name.
        unfinished.rename(data.postgres)


def postgres_program(data: DataFolder, binaries: Path) -> Program:
    """The server, in the foreground, on a socket in the data folder only."""

    def before_start() -> None:
        with acting_as(data.owner):
            _disown_pid_file(data.postgres / "postmaster.pid")
            for stale in (data.postgres_socket, data.run / f"{data.postgres_socket.name}.lock"):
                stale.unlink(missing_ok=True)

    # A list of folders: quoted, a comma or a space does not end the name.
    quoted_run = '"' + str(data.run).replace('"', '""') + '"'
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": quoted_run,
        "unix_socket_permissions": "0700",
        "port": "5432",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "",
        # The other parts of an error show values: email addresses, or what users wrote.
        "log_error_verbosity": "terse",
        "logging_collector": "off",
    }
    return Program(
        name="postgres",
        command=(
            *(str(binaries / "postgres"), "-D", str(data.postgres)),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ),
        environment=ENVIRONMENT,
        folder=data.run,
        user=data.owner,
        stop_signal=STOP_SIGNAL,
        stop_grace=STOP_GRACE,
        orphan_signal=STOP_SIGNAL,
        before_start=before_start,
        after_start=PidFile(data, "postgres", number=STOP_SIGNAL, grace=STOP_GRACE).write,
        is_shown=_is_worth_showing,
    )


def _is_worth_showing(line: bytes) -> bool:
    # The usual course of things comes at level LOG; and while it starts, it complains about our own asking.
    return not line.startswith((b"LOG: ", b"FATAL:  the database system is starting up"))


async def create_database(supervisor: Supervisor, data: DataFolder, binaries: Path) -> None:
    """Create our database in the running server.

    Raises:
        StartError: PostgreSQL refuses.
    """
    program = Program(
        name="createdb",
        command=(str(binaries / "createdb"), "-h", str(data.run), "-U", USER, DATABASE),
        environment=ENVIRONMENT,
        folder=data.run,
        user=data.owner,
    )
    status = await supervisor.run_once(program)
    if status != 0:
        raise StartError(f"The database {DATABASE} could not be created: createdb, {describe_end(status)}.")


async def has_database(data: DataFolder) -> bool | None:
    """Whether our database exists; None if the server does not answer queries (yet)."""
    limit = ANSWER_LIMIT.total_seconds()
    try:
        # A database that is always there: asking for a missing one would leave an error in the log.
        connection = await asyncpg.connect(host=str(data.run), user=USER, database="postgres", timeout=limit)
        try:
            query = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
            is_there: bool = await connection.fetchval(query, DATABASE, timeout=limit)
        finally:
            connection.terminate()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return None
    return is_there


def _check_version(data: DataFolder, binaries: Path) -> None:
    try:
        with acting_as(data.owner):
            cluster = (data.postgres / "PG_VERSION").read_text().strip()
    except OSError as error:
        raise StartError(f"{data.postgres} is not a PostgreSQL cluster: restore it, or move it away.") from error
    answer = subprocess.run(
        [binaries / "postgres", "--version"],
        stdout=subprocess.PIPE,
        check=False,
        env=ENVIRONMENT,
        **credentials(data.owner),
    )
    found = re.search(rb"\) (\d+)", answer.stdout)
    program = found.group(1).decode() if found else "unknown version"
    if program != cluster:
        raise StartError(
            f"The data in {data.postgres} are of PostgreSQL {cluster}, and the installed programs of"
            f" {program}: install PostgreSQL {cluster}, or dump the data with it and restore them into a new"
            f" data folder."
        )


def _disown_pid_file(path: Path) -> None:
    """Write our own process id into the file that a dead server left.

    The server takes any living process of that number for its rival (a zombie, or a stranger with a number
    used again), except its parent, which we are. The rest of the file stays: with it the server sees whether
    processes of its predecessor still use the memory they shared.
    """
    try:
        _, separator, rest = path.read_text().partition("\n")
    except FileNotFoundError:
        return
    path.write_text(f"{os.getpid()}{separator}{rest}")
