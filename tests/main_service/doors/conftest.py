"""A web process whose links can be opened, as the clients of other services do, and a home folder for them."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.engines import Environment
from tests.support.foreign_clients import Home
from tests.support.web import WebServer


@pytest.fixture(scope="session")
def doors_web(environment: Environment) -> Iterator[WebServer]:
    with WebServer(environment, shows_own_address=True) as server:
        yield server


@pytest.fixture
def doors_client(doors_web: WebServer) -> Iterator[httpx.Client]:
    with doors_web.new_client() as visitor:
        yield visitor


@pytest.fixture
def home(tmp_path: Path, doors_web: WebServer) -> Home:
    return Home(tmp_path, doors_web.address)
