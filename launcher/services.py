"""The programs of our services: their commands, environment and user."""

import importlib.util
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from launcher.data.folder import DataFolder
from launcher.data.pid_file import PidFile
from launcher.engines.postgres import DATABASE, USER
from launcher.listener import Listener
from launcher.run_user import RunUser, may_use
from launcher.supervision.program import Program

REPOSITORY = Path(__file__).resolve().parent.parent
WEB_GRACE = timedelta(seconds=15)
"""How long a web process may take to end; for the requests that it has accepted it needs 12 s at most."""
BEAT_GRACE = timedelta(seconds=5)
WORKER_GRACE = timedelta(seconds=15)
_WITHOUT_USE = ("MAIN_BODY_STORE_ENDPOINT", "MAIN_BODY_STORE_REGION", "MAIN_SECRET_FILE")
"""What says more about settings that the launcher makes itself."""
ALONE = ("--without-mingle", "--without-gossip", "--without-heartbeat")
"""Options of a worker that is the only one of its queue: looking for others would take a second at each start."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """The programs of both services."""

    migrate: Program
    """The migration, which runs once before any other program of main_service."""
    web: list[Program]
    main_worker: Program
    main_slow: Program
    """The worker of the queue for tasks that may take minutes."""
    main_beat: Program
    keygen_worker: Program
    keygen_beat: Program


def engine_addresses(data: DataFolder) -> dict[str, str]:
    """The settings of a service for the engines and texts of this data folder."""
    valkey = quote(str(data.valkey_socket))
    redis = f"unix://{valkey}?db=0"
    broker = f"redis+socket://{valkey}?virtual_host=1"
    return {
        "MAIN_DATABASE_URL": f"postgresql+asyncpg://{USER}@/{DATABASE}?host={quote(str(data.run))}",
        "MAIN_REDIS_URL": redis,
        "MAIN_BROKER_URL": broker,
        "MAIN_BODY_STORE_URL": f"file://{quote(str(data.bodies))}",
        "KEYGEN_REDIS_URL": redis,
        "KEYGEN_BROKER_URL": broker,
    }


def own_settings(data: DataFolder, secrets: Mapping[str, str]) -> dict[str, str]:
    """The settings that a launcher makes itself, whatever the operator's say."""
    return {**secrets, **engine_addresses(data)}


def ignored_settings(environ: Mapping[str, str], own: Mapping[str, str]) -> list[str]:
    """The names of the operator's settings that change nothing here. `own`: those that the launcher makes."""
    replaced = [name for name, value in own.items() if environ.get(name) not in (None, "", value)]
    useless = [name for name in _WITHOUT_USE if environ.get(name)]
    return sorted([*replaced, *useless])


def outbox_address(data: DataFolder) -> dict[str, str]:
    """The setting that makes main_service write emails into this data folder."""
    return {"MAIN_SMTP_URL": f"file://{quote(str(data.outbox))}"}


def service_environment(
    data: DataFolder, *, user: RunUser | None, url: str, secrets: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a service. `url`: the service's address, unless MAIN_PUBLIC_URL sets another."""
    return {
        **environ,
        **({"HOME": user.home, "USER": user.name, "LOGNAME": user.name} if user else {}),
        "PYTHONUNBUFFERED": "1",
        # What they ask is then on this machine, even if that is a container.
        "SLIPBIN_LAUNCHER": "1",
        "MAIN_PUBLIC_URL": environ.get("MAIN_PUBLIC_URL") or url,
        **own_settings(data, secrets),
        **({} if environ.get("MAIN_SMTP_URL") else outbox_address(data)),
    }


def find_service_user(owner: RunUser | None) -> RunUser | None:
    """The engines' user if it can read our code and execute this Python, else None: our own."""
    needed = [Path(sys.executable), Path(sys.prefix), REPOSITORY]
    read = [
        Path(os.__file__),
        *(REPOSITORY / name for name in ("main_service", "keygen_service", "templates", "static", "alembic", "deploy")),
    ]
    celery = importlib.util.find_spec("celery")
    if celery and celery.origin:
        read.append(Path(celery.origin))
    is_usable = all(may_use(owner, path, os.X_OK) for path in needed)
    return owner if is_usable and all(may_use(owner, path, os.R_OK) for path in read) else None


def describe_services(
    data: DataFolder,
    *,
    user: RunUser | None,
    listener: Listener,
    web_processes: int,
    secrets: Mapping[str, str],
    environ: Mapping[str, str],
) -> Services:
    """All programs of our services for this data folder."""
    environment = service_environment(data, user=user, url=listener.url, secrets=secrets, environ=environ)

    def program(name: str, *arguments: str, grace: timedelta, inherited: tuple[int, ...] = (), **more: str) -> Program:
        pid_file = PidFile(data, name, number=signal.SIGTERM, grace=grace)
        return Program(
            name=name,
            command=(sys.executable, "-m", *arguments),
            # Each exports the metrics of all. Only `web` takes the port for metrics, because it can query the engines.
            environment={**environment, "PROMETHEUS_MULTIPROC_DIR": str(data.metrics), "MAIN_METRICS_PORT": "", **more},
            folder=REPOSITORY,
            user=user,
            stop_signal=signal.SIGTERM,
            stop_grace=grace,
            inherited=inherited,
            # None for what runs once.
            after_start=pid_file.write if grace else None,
        )

    def worker(name: str, app: str, node: str, *arguments: str) -> Program:
        who = ("--hostname", f"{node}@%h")
        command = ("celery", "--quiet", "-A", app, "worker", *who, *arguments, *ALONE)
        return program(name, *command, grace=WORKER_GRACE)

    def threads(queue: str, count: int) -> tuple[str, ...]:
        return ("--queues", queue, "--pool", "threads", "--concurrency", str(count))

    def beat(name: str, app: str, schedule: str) -> Program:
        schedule_file = str(data.beat / schedule)
        command = ("celery", "--quiet", "-A", app, "beat", "--schedule", schedule_file)
        return program(name, *command, grace=BEAT_GRACE)

    web_socket = listener.socket.fileno()
    return Services(
        migrate=program("migrate", "main_service", "migrate", grace=timedelta(0)),
        web=[
            program(
                *(f"web-{number}", "main_service", "serve", "--fd", str(web_socket)),
                grace=WEB_GRACE,
                inherited=(web_socket,),
                **({"MAIN_METRICS_PORT": port} if (port := environment.get("MAIN_METRICS_PORT")) else {}),
            )
            for number in range(1, web_processes + 1)
        ],
        main_worker=worker("main-worker", "main_service.worker", "main", *threads("main_service", 4)),
        # One thread each for jobs of superusers, for scheduled tasks and for reports.
        main_slow=worker("main-slow", "main_service.worker", "main-slow", *threads("main_service.slow", 3)),
        main_beat=beat("main-beat", "main_service.worker", "main_service"),
        keygen_worker=worker("keygen-worker", "keygen_service.worker", "keygen", "--pool", "solo"),
        keygen_beat=beat("keygen-beat", "keygen_service.worker", "keygen_service"),
    )
