"""Gates before the engines that all tests share, and a stream of visits without those of other tests."""

from collections.abc import Iterator

import pytest
import redis

from tests.faults.gated import Gated, gated_engines
from tests.main_service.visits.ingesting import POISON, STREAM
from tests.support.running import Environment


@pytest.fixture(autouse=True)
def empty_stream(request: pytest.FixtureRequest) -> None:
    """Only for tests that look into it."""
    if "valkey" in request.fixturenames:
        valkey: redis.Redis = request.getfixturevalue("valkey")
        valkey.delete(STREAM, POISON)


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    with gated_engines(environment) as gates:
        yield gates
