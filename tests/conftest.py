"""The engines, the web process and the stores that most tests share. Each test makes its own entries in them."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import redis

from tests.support.database import MIGRATED, connected, execute
from tests.support.engines import Environment, run_main, running_engines, temporary_folder
from tests.support.gates import Gated, GatedStore, gated_engines, gated_store
from tests.support.swift_server import SwiftServer, swift_server
from tests.support.web import WebServer

# Processes of ours are started hundreds of times, and without it each would compile all modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Tests say each setting themselves: what a developer keeps in .env must not change them.
os.environ["SLIPBIN_ENV_FILE"] = ""
# `nohup`, or a shell that starts the tests in the background, has these ignored, and so would every program they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files of a folder after one another, in whatever order they and the folders are.

    So the servers of a folder are started by one or two of the processes that share the tests, not by each.
    """
    folders = list(dict.fromkeys(item.path.parent for item in items))
    items.sort(key=lambda item: folders.index(item.path.parent))


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with temporary_folder() as path:
        yield path


@pytest.fixture(scope="session")
def shared_engines(folder: Path) -> Iterator[Environment]:
    """Settings of the services on running engines; texts are files."""
    with running_engines(folder) as settings:
        execute(settings, f"CREATE DATABASE {MIGRATED} TEMPLATE slipbin")
        yield settings


@pytest.fixture(scope="session")
def environment(shared_engines: Environment) -> Environment:
    """What most tests share; a module that must be alone has stores or engines of its own under this name."""
    return shared_engines


@pytest.fixture(scope="session")
def swift(folder: Path) -> Iterator[SwiftServer]:
    with swift_server(folder / "swift") as server:
        yield server


@pytest.fixture(scope="session")
def s3_environment(environment: Environment, swift: SwiftServer) -> Environment:
    """The same engines with texts in an S3 bucket."""
    settings = environment | {
        "MAIN_BODY_STORE_URL": "s3://texts/bodies",
        "MAIN_BODY_STORE_ENDPOINT": swift.endpoint_url,
        "MAIN_BODY_STORE_REGION": swift.region,
        "AWS_ACCESS_KEY_ID": swift.access_key_id,
        "AWS_SECRET_ACCESS_KEY": swift.secret_access_key,
    }
    run_main("migrate", environment=settings)
    return settings


@pytest.fixture(scope="session")
def web(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment) as server:
        yield server


@pytest.fixture(scope="session")
def s3_web(s3_environment: Environment) -> Iterator[WebServer]:
    with WebServer(s3_environment) as server:
        yield server


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    """Gates before the engines, for tests in which one is away."""
    with gated_engines(environment) as gates:
        yield gates


@pytest.fixture(scope="module")
def gated_s3(s3_environment: Environment) -> Iterator[GatedStore]:
    with gated_store(s3_environment) as gate:
        yield gate


@pytest.fixture
def client(web: WebServer) -> Iterator[httpx.Client]:
    """A client with cookies of its own."""
    with web.new_client() as visitor:
        yield visitor


@pytest.fixture(params=["file", "s3"])
def store_environment(request: pytest.FixtureRequest) -> Environment:
    """The environment with each kind of object store in turn."""
    name = "environment" if request.param == "file" else "s3_environment"
    settings: Environment = request.getfixturevalue(name)
    return settings


@pytest.fixture(params=["file", "s3"])
def store_client(request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """A client of a web process with each kind of object store in turn."""
    server: WebServer = request.getfixturevalue("web" if request.param == "file" else "s3_web")
    with server.new_client() as visitor:
        yield visitor


@pytest.fixture
async def database(environment: Environment) -> AsyncIterator[asyncpg.Connection]:
    async with connected(environment) as connection:
        yield connection


@pytest.fixture
def valkey(environment: Environment) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(environment["MAIN_REDIS_URL"], decode_responses=True) as connection:
        yield connection
