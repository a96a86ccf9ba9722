"""A web process for tests that fail to sign in many times."""

from collections.abc import Iterator

import pytest

from tests.support.engines import Environment
from tests.support.web import WebServer


@pytest.fixture(scope="session")
def proxied(environment: Environment) -> Iterator[WebServer]:
    """A web process that believes what we say of the client's address, so that tests don't count as one client."""
    with WebServer(environment | {"MAIN_TRUSTED_PROXIES": "127.0.0.1"}) as server:
        yield server
