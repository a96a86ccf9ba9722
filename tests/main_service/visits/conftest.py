"""Gates before the engines that all tests share, and a stream of visits without those of other tests."""

from collections.abc import Iterator

import pytest

from tests.faults.gated import Gated, gated_engines
from tests.support.empty_stream import empty_stream
from tests.support.engines import Environment

__all__ = ["empty_stream", "gated"]


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    with gated_engines(environment) as gates:
        yield gates
