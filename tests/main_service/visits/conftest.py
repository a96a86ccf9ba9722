"""Gates before the engines that all tests share, and a stream of visits without those of other tests."""

from collections.abc import Iterator

import pytest

from tests.support.engines import Environment
from tests.support.fixtures import empty_stream
from tests.support.gates import Gated, gated_engines

__all__ = ["empty_stream", "gated"]


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    with gated_engines(environment) as gates:
        yield gates
