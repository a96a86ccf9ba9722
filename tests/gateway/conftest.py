"""Two web processes, each at an address of its own, and nginx in front of them."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.engines import Environment, temporary_folder
from tests.support.gateway import TRUSTED, ContainedWebServer, Gateway, find_nginx


@pytest.fixture(scope="session")
def nginx() -> str:
    return find_nginx()


@pytest.fixture(scope="module")
def webs(nginx: str, environment: Environment) -> Iterator[list[ContainedWebServer]]:
    """Two web servers of one process each, as the containers of the compose file are."""
    with ExitStack() as stack:
        yield [stack.enter_context(ContainedWebServer(environment | TRUSTED)) for _ in range(2)]


@pytest.fixture(scope="module")
def gateway_folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def gateway(webs: list[ContainedWebServer], gateway_folder: Path) -> Iterator[Gateway]:
    with Gateway(gateway_folder / "gateway", webs, challenges=gateway_folder / "acme") as started:
        yield started
