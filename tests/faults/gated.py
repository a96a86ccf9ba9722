"""Engines behind gates, and the environment that leads a service through them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.gate import Gate, free_port
from tests.support.engines import Environment, temporary_folder


@dataclass(frozen=True)
class Gated:
    """`environment` is that of the engines themselves but for `ways`, which lead through the gates."""

    environment: Environment
    ways: Environment
    postgres: Gate
    valkey: Gate
    """The cache, ready keys, and what Celery says to its broker."""


@dataclass(frozen=True)
class GatedStore:
    environment: Environment
    store: Gate


@contextmanager
def gated_engines(environment: Environment) -> Iterator[Gated]:
    """Gates before PostgreSQL and Valkey, each on a unix socket as the engines are."""
    _, _, run_folder = environment["MAIN_DATABASE_URL"].partition("?host=")
    valkey = Path(urlsplit(environment["MAIN_REDIS_URL"]).path)
    with (
        temporary_folder() as folder,
        Gate(folder / ".s.PGSQL.5432", Path(run_folder) / ".s.PGSQL.5432") as postgres_gate,
        Gate(folder / "valkey.sock", valkey) as valkey_gate,
    ):
        ways = {
            name: value.replace(str(valkey), str(folder / "valkey.sock"))
            for name, value in environment.items()
            if name.endswith(("_REDIS_URL", "_BROKER_URL"))
        }
        ways["MAIN_DATABASE_URL"] = environment["MAIN_DATABASE_URL"].replace(run_folder, str(folder))
        yield Gated(environment | ways, ways, postgres_gate, valkey_gate)


@contextmanager
def gated_store(environment: Environment) -> Iterator[GatedStore]:
    """A gate before the S3 server of `environment`."""
    server = urlsplit(environment["MAIN_BODY_STORE_ENDPOINT"])
    assert server.hostname is not None
    assert server.port is not None
    with free_port() as port, Gate(("127.0.0.1", port), (server.hostname, server.port)) as gate:
        yield GatedStore(environment | {"MAIN_BODY_STORE_ENDPOINT": f"http://127.0.0.1:{port}"}, gate)
