"""Gates before the engines that all tests share."""

from collections.abc import Iterator

import pytest

from tests.faults.gated import Gated, gated_engines
from tests.running import Environment


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    with gated_engines(environment) as gates:
        yield gates
