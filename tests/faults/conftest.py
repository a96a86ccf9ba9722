"""Gates before the engines that all tests share."""

from collections.abc import Iterator

import pytest

from tests.support.engines import Environment
from tests.support.gates import Gated, GatedStore, gated_engines, gated_store


@pytest.fixture(scope="module")
def gated(environment: Environment) -> Iterator[Gated]:
    with gated_engines(environment) as gates:
        yield gates


@pytest.fixture(scope="module")
def gated_s3(s3_environment: Environment) -> Iterator[GatedStore]:
    with gated_store(s3_environment) as gate:
        yield gate
