"""Stores of their own for tests that look at every line."""

import pytest

from tests.support.database import new_stores
from tests.support.engines import Environment


@pytest.fixture(scope="session")
def logging_environment(shared_engines: Environment) -> Environment:
    return new_stores(shared_engines, "logging", valkey=15, broker=3)
