"""The compose project that run.sh built: started once, used and broken by all tests of this folder.

The folder is left out elsewhere. Each test leaves the project running and healthy.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.compose.project import Project

WORK = os.environ.get("SLIPBIN_COMPOSE_TEST")
if WORK is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def project() -> Iterator[Project]:
    with Project(Path(WORK or "")) as running:
        yield running


@pytest.fixture
def entrance(project: Project) -> Iterator[httpx.Client]:
    """A client of the gateway."""
    with project.new_client() as client:
        yield client
